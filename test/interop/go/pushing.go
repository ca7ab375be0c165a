package main

import (
	"context"
	"sync"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

var strategies = map[string]consumer.AllocateStrategy{
	"AVG":           consumer.AllocateByAveragely,
	"AVG_BY_CIRCLE": consumer.AllocateByAveragelyCircle,
}

// push starts a push consumer that has a name: it broadcasts, takes batches, or shares queues by a strategy of its own.
func push(c command) func() error {
	model := consumer.Clustering
	if c.text("broadcasting", "") != "" {
		model = consumer.BroadCasting
	}
	p, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{c.options["namesrv"]}),
		consumer.WithGroupName(c.options["group"]),
		consumer.WithInstance(c.options["instance"]),
		consumer.WithConsumerModel(model),
		consumer.WithStrategy(strategies[c.text("strategy", "AVG")]),
		consumer.WithConsumeMessageBatchMaxSize(c.number("batch", 1)),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	must(err)
	var printing sync.Mutex
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}
	must(p.Subscribe(c.options["topic"], selector, func(_ context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		printing.Lock()
		defer printing.Unlock()
		c.line("BATCH", len(batch))
		for _, message := range batch {
			got(c, message)
		}
		return consumer.ConsumeSuccess, nil
	}))
	must(p.Start())
	return p.Shutdown
}
