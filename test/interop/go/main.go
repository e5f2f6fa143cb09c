// The official Go client under remote control: one JSON request a line on standard input, one JSON answer a line on
// standard output, and a line for each message that a consumer receives. The scenarios, and all that they assert, are
// in test/interop/scenarios; the Java client beside this one speaks the same lines.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// request holds the fields of all operations; each operation reads its own.
type request struct {
	ID         int           `json:"id"`
	Do         string        `json:"do"`
	Name       string        `json:"name"`
	Group      string        `json:"group"`
	NameServer string        `json:"nameServer"`
	Retries    int           `json:"retries"`
	How        string        `json:"how"`
	Queue      *int          `json:"queue"`
	Messages   []messageJSON `json:"messages"`
	Topic      string        `json:"topic"`
	Expression string        `json:"expression"`
	From       string        `json:"from"`
	Timestamp  string        `json:"timestamp"`
	TLS        bool          `json:"tls"`
	Trace      bool          `json:"trace"`
	Orderly    bool          `json:"orderly"`
	Broadcast  bool          `json:"broadcast"`
	Failures   int32         `json:"failures"`
	RetryLevel int           `json:"retryDelayLevel"`
	MaxRetries *int32        `json:"maxRetries"`
	PauseMs    int64         `json:"pauseMs"`
}

type operation func(request) (any, error)

var operations = map[string]operation{
	"startProducer": startProducer,
	"stopProducer":  stopProducer,
	"send":          send,
	"startConsumer": startConsumer,
	"stopConsumer":  stopConsumer,
}

func main() {
	rlog.SetLogLevel("error")
	rlog.SetOutputPath(os.Getenv("INTEROP_LOG")) // Standard output carries the answers.
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			os.Exit(0)
		}
		var received request
		if err := json.Unmarshal(line, &received); err != nil {
			panic(err)
		}
		go answer(received)
	}
}

func answer(received request) {
	run, known := operations[received.Do]
	if !known {
		printLine(map[string]any{"id": received.ID, "error": "no operation " + received.Do})
		return
	}
	result, err := run(received)
	if err != nil {
		printLine(map[string]any{"id": received.ID, "error": err.Error()})
		return
	}
	if result == nil {
		result = map[string]any{}
	}
	printLine(map[string]any{"id": received.ID, "result": result})
}

var output sync.Mutex

func printLine(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Printf("%s\n", line)
}
