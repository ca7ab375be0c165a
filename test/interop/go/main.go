// The official Go client as a test peer. Commands, flags and output lines are those of the Java peer
// (../java/src/main/java/peer/Peer.java): tab-separated fields on stdout, one event a line.
package main

import (
	"context"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

var (
	namesrv   = flag.String("namesrv", "", "name server address")
	topic     = flag.String("topic", "", "topic")
	group     = flag.String("group", "peer", "consumer group")
	count     = flag.Int("count", 1, "messages to send, or to consume successfully")
	mode      = flag.String("mode", "sync", "sync, async, oneway or batch")
	size      = flag.Int("size", 32, "body size in bytes")
	prefix    = flag.String("prefix", "k", "message keys are prefix + index")
	tag       = flag.String("tag", "TagA", "tag of the messages")
	tags      = flag.String("tags", "*", "tag expression of the subscription")
	failFirst = flag.Bool("fail-first", false, "ask for redelivery the first time a message comes")
	timeoutS  = flag.Int("timeout-s", 60, "give up after this many seconds")
	print     sync.Mutex
)

func line(fields ...any) {
	print.Lock()
	defer print.Unlock()
	for i, field := range fields {
		if i > 0 {
			fmt.Print("\t")
		}
		fmt.Print(field)
	}
	fmt.Println()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	rlog.SetLogLevel("error")
	command := os.Args[1]
	must(flag.CommandLine.Parse(os.Args[2:]))
	switch command {
	case "produce":
		produce()
	case "consume":
		consume()
	default:
		must(fmt.Errorf("unknown command %s", command))
	}
}

func messages() []*primitive.Message {
	batch := make([]*primitive.Message, *count)
	for i := range batch {
		key := fmt.Sprintf("%s%d", *prefix, i)
		body := []byte(key)
		for len(body) < *size {
			body = append(body, byte('a'+len(body)%26))
		}
		batch[i] = primitive.NewMessage(*topic, body).WithTag(*tag).WithKeys([]string{key})
		batch[i].WithProperty("origin", "go")
	}
	return batch
}

func sent(key string, result *primitive.SendResult) {
	status := "SEND_OK"
	if result.Status != primitive.SendOK {
		status = fmt.Sprint(result.Status)
	}
	queue := fmt.Sprintf("%s:%d", result.MessageQueue.BrokerName, result.MessageQueue.QueueId)
	line("SENT", key, status, result.MsgID, result.OffsetMsgID, queue, result.QueueOffset)
}

func produce() {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer([]string{*namesrv}), producer.WithGroupName("peer-producer"))
	must(err)
	must(p.Start())
	ctx := context.Background()
	all := messages()
	switch *mode {
	case "batch":
		result, err := p.SendSync(ctx, all...)
		must(err)
		sent("batch", result)
	case "async":
		var open sync.WaitGroup
		open.Add(len(all))
		for _, message := range all {
			key := message.GetKeys()
			must(p.SendAsync(ctx, func(_ context.Context, result *primitive.SendResult, err error) {
				must(err)
				sent(key, result)
				open.Done()
			}, message))
		}
		open.Wait()
	case "oneway":
		// A client that closes right behind a oneway may reset the connection before the broker has read it.
		last := len(all) - 1
		for _, message := range all[:last] {
			must(p.SendOneWay(ctx, message))
			line("SENT", message.GetKeys(), "ONEWAY")
		}
		result, err := p.SendSync(ctx, all[last])
		must(err)
		sent(all[last].GetKeys(), result)
	default:
		for _, message := range all {
			result, err := p.SendSync(ctx, message)
			must(err)
			sent(message.GetKeys(), result)
		}
	}
	must(p.Shutdown())
}

func consume() {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{*namesrv}),
		consumer.WithGroupName(*group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	must(err)
	done := make(chan struct{}, 1<<20)
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: *tags}
	must(c.Subscribe(*topic, selector, func(_ context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, message := range batch {
			line("GOT", message.GetKeys(), message.MsgId, message.OffsetMsgId, message.Topic,
				message.Queue.QueueId, message.QueueOffset, message.ReconsumeTimes, message.GetTags(),
				len(message.Body), crc32.ChecksumIEEE(message.Body))
			if *failFirst && message.ReconsumeTimes == 0 {
				return consumer.ConsumeRetryLater, nil
			}
			done <- struct{}{}
		}
		return consumer.ConsumeSuccess, nil
	}))
	must(c.Start())
	line("READY")
	deadline := time.After(time.Duration(*timeoutS) * time.Second)
	for got := 0; got < *count; got++ {
		select {
		case <-done:
		case <-deadline:
			line("TIMEOUT", got)
			os.Exit(3)
		}
	}
	must(c.Shutdown())
}
