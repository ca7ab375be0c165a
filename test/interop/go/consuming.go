package main

import (
	"context"
	"errors"
	"hash/crc32"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// consume starts a push consumer, concurrent or orderly, that fails as often as it is told.
func consume(c command) func() error {
	_, isOrderly := c.options["orderly"]
	p, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{c.options["namesrv"]}),
		consumer.WithGroupName(c.options["group"]),
		consumer.WithInstance(instanceName(c.id)),
		consumer.WithConsumerOrder(isOrderly),
		consumer.WithConsumeTimeout(5*time.Second),
		consumer.WithMaxReconsumeTimes(int32(c.number("max", -1))),
		consumer.WithConsumeFromWhere(map[string]consumer.ConsumeFromWhere{
			"first": consumer.ConsumeFromFirstOffset,
			"last":  consumer.ConsumeFromLastOffset,
		}[c.text("from", "first")]))
	must(err)
	var counting sync.Mutex
	timesSeen := map[string]int{}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: c.text("tags", "*")}
	if sql, ok := c.options["sql"]; ok {
		selector = consumer.MessageSelector{Type: consumer.SQL92, Expression: sql}
	}
	must(p.Subscribe(c.options["topic"], selector, func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		if concurrent, ok := primitive.GetConcurrentlyCtx(ctx); ok {
			concurrent.DelayLevelWhenNextConsume = c.number("level", 0)
		}
		if orderly, ok := primitive.GetOrderlyCtx(ctx); ok {
			orderly.SuspendCurrentQueueTimeMillis = 100
		}
		isConsumed := true
		for _, message := range batch {
			got(c, message)
			counting.Lock()
			timesSeen[message.GetKeys()]++
			isConsumed = isConsumed && timesSeen[message.GetKeys()] > c.number("fail-times", 0)
			isHanging := timesSeen[message.GetKeys()] <= c.number("hang-times", 0)
			counting.Unlock()
			if isHanging {
				select {}
			}
			time.Sleep(time.Duration(c.number("work-ms", 0)) * time.Millisecond)
		}
		switch {
		case isConsumed:
			return consumer.ConsumeSuccess, nil
		case isOrderly:
			return consumer.SuspendCurrentQueueAMoment, nil
		case c.text("throws", "") != "":
			return consumer.ConsumeRetryLater, errors.New("returned by the listener, as the test wants it")
		default:
			return consumer.ConsumeRetryLater, nil
		}
	}))
	must(p.Start())
	return p.Shutdown
}

func got(c command, message *primitive.MessageExt) {
	c.line("GOT", message.GetKeys(), message.MsgId, message.OffsetMsgId, message.Topic, message.Queue.QueueId,
		message.QueueOffset, message.ReconsumeTimes, message.GetTags(), len(message.Body),
		crc32.ChecksumIEEE(message.Body), time.Now().UnixMilli(), message.TransactionId, message.GetProperty("origin"))
}
