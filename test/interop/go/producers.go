package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var producers sync.Map // name to rocketmq.Producer

func startProducer(r request) (any, error) {
	options := []producer.Option{
		producer.WithNameServer(primitive.NamesrvAddr{r.NameServer}),
		producer.WithGroupName(r.Group),
		producer.WithInstanceName(r.Name),
		producer.WithRetry(r.Retries),
		producer.WithSendMsgTimeout(20 * time.Second),
		producer.WithQueueSelector(wantedQueue{producer.NewRoundRobinQueueSelector()}),
		producer.WithTls(r.TLS),
	}
	if r.Trace {
		options = append(options, producer.WithTrace(traceConfig(r)))
	}
	created, err := rocketmq.NewProducer(options...)
	if err != nil {
		return nil, err
	}
	producers.Store(r.Name, created)
	return nil, created.Start()
}

func traceConfig(r request) *primitive.TraceConfig {
	return &primitive.TraceConfig{
		Access:    primitive.Local,
		GroupName: r.Group,
		Resolver:  primitive.NewPassthroughResolver([]string{r.NameServer}),
	}
}

func stopProducer(r request) (any, error) {
	running, _ := producers.LoadAndDelete(r.Name)
	return nil, running.(rocketmq.Producer).Shutdown()
}

// wantedQueue chooses the queue that the message names, or else lets the other selector choose.
type wantedQueue struct{ otherwise producer.QueueSelector }

func (selector wantedQueue) Select(message *primitive.Message, queues []*primitive.MessageQueue, last string) *primitive.MessageQueue {
	if message.Queue == nil {
		return selector.otherwise.Select(message, queues, last)
	}
	for _, queue := range queues {
		if queue.QueueId == message.Queue.QueueId {
			return queue
		}
	}
	return nil
}

func send(r request) (any, error) {
	running, _ := producers.Load(r.Name)
	sender := running.(rocketmq.Producer)
	messages := make([]*primitive.Message, len(r.Messages))
	for i, given := range r.Messages {
		messages[i] = given.message()
		if r.Queue != nil {
			messages[i].Queue = &primitive.MessageQueue{Topic: given.Topic, QueueId: *r.Queue}
		}
	}
	switch r.How {
	case "sync":
		results := []any{}
		for _, message := range messages {
			result, err := sender.SendSync(context.Background(), message)
			if err != nil {
				return nil, err
			}
			results = append(results, resultJSON(result))
		}
		return results, nil
	case "async":
		return sendTogether(sender, messages)
	case "oneway":
		for _, message := range messages {
			if err := sender.SendOneWay(context.Background(), message); err != nil {
				return nil, err
			}
		}
		return []any{}, nil
	case "batch":
		result, err := sender.SendSync(context.Background(), messages...)
		if err != nil {
			return nil, err
		}
		return []any{resultJSON(result)}, nil
	}
	return nil, fmt.Errorf("no way to send: %s", r.How)
}

func sendTogether(sender rocketmq.Producer, messages []*primitive.Message) (any, error) {
	results := make([]any, len(messages))
	failures := make([]error, len(messages))
	var pending sync.WaitGroup
	for i, message := range messages {
		pending.Add(1)
		err := sender.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			defer pending.Done()
			if err != nil {
				failures[i] = err
				return
			}
			results[i] = resultJSON(result)
		}, message)
		if err != nil {
			return nil, err
		}
	}
	pending.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}
