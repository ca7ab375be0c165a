package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var (
	starting  sync.Mutex
	producers = map[string]rocketmq.Producer{}
)

// producerOf returns the one producer of a name server and way to choose queues, which is a producer's, not a send's:
// in turn unless it is "hash" or "manual".
func producerOf(namesrv, choice string) rocketmq.Producer {
	starting.Lock()
	defer starting.Unlock()
	name := namesrv + choice
	if p, ok := producers[name]; ok {
		return p
	}
	options := []producer.Option{
		producer.WithNameServer([]string{namesrv}),
		producer.WithGroupName("peer-producer"),
		// The machine is busy, and a send that is repeated is a message that comes twice.
		producer.WithSendMsgTimeout(30 * time.Second),
		producer.WithInstanceName(instanceName(name)),
	}
	switch choice {
	case "hash":
		options = append(options, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	case "manual":
		options = append(options, producer.WithQueueSelector(producer.NewManualQueueSelector()))
	}
	p, err := rocketmq.NewProducer(options...)
	must(err)
	must(p.Start())
	producers[name] = p
	return p
}

func produce(c command) {
	choice := ""
	if c.number("shards", 0) > 0 {
		choice = "hash"
	} else if c.text("queue", "") != "" {
		choice = "manual"
	}
	p := producerOf(c.options["namesrv"], choice)
	ctx := context.Background()
	all := messages(c)
	switch c.text("mode", "sync") {
	case "batch":
		startedAt := time.Now()
		result, err := p.SendSync(ctx, all...)
		if err != nil {
			c.refused("batch", err)
			return
		}
		sent(c, "batch", result, startedAt)
	case "async":
		sendAsync(c, p, all)
	case "oneway":
		// A client that closes right behind a oneway may reset the connection before the broker has read it.
		last := len(all) - 1
		for _, message := range all[:last] {
			must(p.SendOneWay(ctx, message))
			c.line("SENT", message.GetKeys(), "ONEWAY")
		}
		sendSync(c, p, all[last])
	default:
		for _, message := range all {
			sendSync(c, p, message)
		}
	}
}

func sendSync(c command, p rocketmq.Producer, message *primitive.Message) {
	startedAt := time.Now()
	result, err := p.SendSync(context.Background(), message)
	if err != nil {
		c.refused(message.GetKeys(), err)
		return
	}
	sent(c, message.GetKeys(), result, startedAt)
}

func sendAsync(c command, p rocketmq.Producer, all []*primitive.Message) {
	var open sync.WaitGroup
	open.Add(len(all))
	for _, message := range all {
		key := message.GetKeys()
		startedAt := time.Now()
		// The client calls back once more, without a result, after an error.
		var once sync.Once
		must(p.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			once.Do(func() {
				if err != nil {
					c.refused(key, err)
				} else {
					sent(c, key, result, startedAt)
				}
				open.Done()
			})
		}, message))
	}
	open.Wait()
}

func messages(c command) []*primitive.Message {
	tags := strings.Split(c.text("tags", "TagA"), ",")
	batch := make([]*primitive.Message, c.number("count", 1))
	for i := range batch {
		key := fmt.Sprintf("%s%d", c.text("prefix", "k"), i)
		body := []byte(key)
		for len(body) < c.number("size", 32) {
			body = append(body, byte('a'+len(body)%26))
		}
		message := primitive.NewMessage(c.options["topic"], body)
		message.WithTag(tags[i%len(tags)]).WithKeys([]string{key}).WithProperty("origin", "go")
		if brokerName, queueID, ok := strings.Cut(c.text("queue", ""), ":"); ok {
			id, err := strconv.Atoi(queueID)
			must(err)
			message.Queue = &primitive.MessageQueue{Topic: message.Topic, BrokerName: brokerName, QueueId: id}
		}
		if shards := c.number("shards", 0); shards > 0 {
			message.WithShardingKey(fmt.Sprintf("shard-%d", i%shards))
		}
		if level := c.number("level", 0); level > 0 {
			message.WithDelayTimeLevel(level)
		}
		// The client knows no timers: the property is put by hand.
		for _, option := range []string{"timer", "property"} {
			if name, value, ok := strings.Cut(c.options[option], ":"); ok {
				message.WithProperty(name, value)
			}
		}
		batch[i] = message
	}
	return batch
}

func sent(c command, key string, result *primitive.SendResult, startedAt time.Time) {
	status := "SEND_OK"
	if result.Status != primitive.SendOK {
		status = fmt.Sprint(result.Status)
	}
	queue := fmt.Sprintf("%s:%d", result.MessageQueue.BrokerName, result.MessageQueue.QueueId)
	c.line("SENT", key, status, result.MsgID, result.OffsetMsgID, queue, result.QueueOffset, startedAt.UnixMilli(), "")
}
