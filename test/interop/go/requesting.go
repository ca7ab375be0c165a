package main

import (
	"context"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// request asks for a reply.
func request(c command) {
	p := producerOf(c.options["namesrv"], "")
	key := c.options["key"]
	message := primitive.NewMessage(c.options["topic"], []byte(key))
	message.WithTag("TagA").WithKeys([]string{key})
	timeout := time.Duration(c.number("timeout", 20_000)) * time.Millisecond
	reply, err := p.Request(context.Background(), timeout, message)
	if err != nil {
		c.refused(key, err)
		return
	}
	c.line("REPLIED", key, reply.Topic, string(reply.Body))
}

// reply replies to every message of a topic until it is stopped.
func reply(c command) func() error {
	sender := producerOf(c.options["namesrv"], "")
	p, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{c.options["namesrv"]}),
		consumer.WithGroupName(c.options["group"]),
		consumer.WithInstance(instanceName(c.id)),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	must(err)
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}
	must(p.Subscribe(c.options["topic"], selector, func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, asked := range batch {
			body := []byte("reply to " + string(asked.Body))
			answer, err := consumer.CreateReplyMessage(asked, body)
			if err != nil {
				c.refused(asked.GetKeys(), err)
				continue
			}
			// The client takes the body for properties, and leaves the reply without one.
			answer.Body = body
			result, err := sender.SendSync(ctx, answer)
			if err != nil {
				c.refused(asked.GetKeys(), err)
			} else {
				sent(c, asked.GetKeys(), result, time.Now())
			}
		}
		return consumer.ConsumeSuccess, nil
	}))
	must(p.Start())
	return p.Shutdown
}
