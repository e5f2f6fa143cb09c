package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// runningConsumer counts what it handed out, since Shutdown commits without waiting for the last messages.
type runningConsumer struct {
	rocketmq.PushConsumer
	consuming atomic.Int64
}

var consumers sync.Map // name to *runningConsumer

var startPositions = map[string]consumer.ConsumeFromWhere{
	"CONSUME_FROM_FIRST_OFFSET": consumer.ConsumeFromFirstOffset,
	"CONSUME_FROM_LAST_OFFSET":  consumer.ConsumeFromLastOffset,
	"CONSUME_FROM_TIMESTAMP":    consumer.ConsumeFromTimestamp,
}

// One goroutine consumes, so that the lines of one queue come in the order of the queue.
func startConsumer(r request) (any, error) {
	options := []consumer.Option{
		consumer.WithNameServer(primitive.NamesrvAddr{r.NameServer}),
		consumer.WithGroupName(r.Group),
		consumer.WithInstance(r.Name),
		consumer.WithConsumeGoroutineNums(1),
		consumer.WithConsumeMessageBatchMaxSize(1),
		consumer.WithConsumeFromWhere(startPositions[r.From]),
		consumer.WithConsumerOrder(r.Orderly),
		consumer.WithSuspendCurrentQueueTimeMillis(50 * time.Millisecond),
		consumer.WithTls(r.TLS),
	}
	if r.Broadcast {
		options = append(options, consumer.WithConsumerModel(consumer.BroadCasting))
	}
	if r.MaxRetries != nil {
		options = append(options, consumer.WithMaxReconsumeTimes(*r.MaxRetries))
	}
	if r.Trace {
		options = append(options, consumer.WithTrace(traceConfig(r)))
	}
	if r.Timestamp != "" {
		options = append(options, consumer.WithConsumeTimestamp(r.Timestamp))
	}
	created, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	running := &runningConsumer{PushConsumer: created}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: r.Expression}
	err = created.Subscribe(r.Topic, selector, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		running.consuming.Add(1)
		defer running.consuming.Add(-1)
		return consume(ctx, r, messages), nil
	})
	if err != nil {
		return nil, err
	}
	consumers.Store(r.Name, running)
	return nil, created.Start()
}

// consume gets one message at a time; one with the tag "failing" fails some times.
func consume(ctx context.Context, r request, messages []*primitive.MessageExt) consumer.ConsumeResult {
	result := consumer.ConsumeSuccess
	for _, message := range messages {
		printLine(map[string]any{"received": receivedJSON(message), "name": r.Name})
		if message.GetTags() == "failing" && message.ReconsumeTimes < r.Failures {
			result = consumer.ConsumeRetryLater
		}
	}
	time.Sleep(time.Duration(r.PauseMs) * time.Millisecond)
	if r.Orderly && result == consumer.ConsumeRetryLater {
		return consumer.SuspendCurrentQueueAMoment
	}
	if concurrently, isOne := primitive.GetConcurrentlyCtx(ctx); isOne {
		concurrently.DelayLevelWhenNextConsume = r.RetryLevel
	}
	return result
}

func stopConsumer(r request) (any, error) {
	value, _ := consumers.LoadAndDelete(r.Name)
	running := value.(*runningConsumer)
	for running.consuming.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	// The client notes the offset just after the listener returns, and offers no way to wait for that.
	time.Sleep(50 * time.Millisecond)
	return nil, running.Shutdown()
}
