package main

import (
	"context"
	"sync"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// selecting is one pull consumer of a group. It has one selector at a time.
type selecting struct {
	sync.Mutex
	consumer rocketmq.PullConsumer
}

var selectings sync.Map

// selectBy says what an expression selects, asked for with pulls that carry it.
func selectBy(c command) {
	found, _ := selectings.LoadOrStore(c.options["namesrv"]+c.options["group"], &selecting{})
	one := found.(*selecting)
	one.Lock()
	defer one.Unlock()
	selector := consumer.MessageSelector{Type: consumer.SQL92, Expression: c.options["sql"]}
	if one.consumer == nil {
		p, err := rocketmq.NewPullConsumer(
			consumer.WithNameServer([]string{c.options["namesrv"]}),
			consumer.WithGroupName(c.options["group"]),
			consumer.WithInstance(instanceName(c.id)))
		must(err)
		must(p.Subscribe(c.options["topic"], selector))
		must(p.Start())
		one.consumer = p
	} else {
		must(one.consumer.Subscribe(c.options["topic"], selector))
	}
	queue := &primitive.MessageQueue{Topic: c.options["topic"], BrokerName: "broker-a", QueueId: 0}
	keys := []any{}
	for offset, end := int64(0), int64(1); offset < end; {
		result, err := one.consumer.PullFrom(context.Background(), queue, offset, 32)
		must(err)
		for _, message := range result.GetMessageExts() {
			keys = append(keys, message.GetKeys())
		}
		offset, end = result.NextBeginOffset, result.MaxOffset
	}
	c.line("SELECTED", keys...)
}
