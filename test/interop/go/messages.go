package main

import (
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// messageJSON is a message on its way in; encoding/json reads and writes bodies as base64.
type messageJSON struct {
	Topic      string            `json:"topic"`
	Body       []byte            `json:"body"`
	Tags       string            `json:"tags"`
	Keys       string            `json:"keys"`
	Properties map[string]string `json:"properties"`
	DelayLevel int               `json:"delayLevel"`
}

func (given messageJSON) message() *primitive.Message {
	message := primitive.NewMessage(given.Topic, given.Body)
	for name, value := range given.Properties {
		message.WithProperty(name, value)
	}
	if given.Tags != "" {
		message.WithTag(given.Tags)
	}
	if given.Keys != "" {
		message.WithKeys([]string{given.Keys})
	}
	if given.DelayLevel > 0 {
		message.WithDelayTimeLevel(given.DelayLevel)
	}
	return message
}

func receivedJSON(message *primitive.MessageExt) map[string]any {
	return map[string]any{
		"topic":      message.Topic,
		"body":       message.Body,
		"tags":       message.GetTags(),
		"keys":       message.GetKeys(),
		"properties": message.GetProperties(),
		"id":         message.MsgId,
		"offsetId":   message.OffsetMsgId,
		"queue":      message.Queue.QueueId,
		"offset":     message.QueueOffset,
		"attempt":    message.ReconsumeTimes,
		"bornAt":     message.BornTimestamp,
		"storedAt":   message.StoreTimestamp,
		"at":         time.Now().UnixMilli(),
	}
}

var statusNames = map[primitive.SendStatus]string{
	primitive.SendOK:                "SEND_OK",
	primitive.SendFlushDiskTimeout:  "FLUSH_DISK_TIMEOUT",
	primitive.SendFlushSlaveTimeout: "FLUSH_SLAVE_TIMEOUT",
	primitive.SendSlaveNotAvailable: "SLAVE_NOT_AVAILABLE",
}

func resultJSON(result *primitive.SendResult) map[string]any {
	return map[string]any{
		"status":   statusNames[result.Status],
		"id":       result.MsgID,
		"offsetId": result.OffsetMsgID,
		"queue":    result.MessageQueue.QueueId,
		"offset":   result.QueueOffset,
	}
}
