package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const pollTimeout = 200 * time.Millisecond

var pullStatuses = map[primitive.PullStatus]string{
	primitive.PullFound:         "FOUND",
	primitive.PullNoNewMsg:      "NO_NEW_MSG",
	primitive.PullNoMsgMatched:  "NO_MATCHED_MSG",
	primitive.PullOffsetIllegal: "OFFSET_ILLEGAL",
}

// pullConsumer subscribes: the client refuses to start one that does not.
func pullConsumer(c command) rocketmq.PullConsumer {
	p, err := rocketmq.NewPullConsumer(
		consumer.WithNameServer([]string{c.options["namesrv"]}),
		consumer.WithGroupName(c.options["group"]),
		consumer.WithInstance(instanceName(c.id)),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	must(err)
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: c.text("tags", "*")}
	must(p.Subscribe(c.options["topic"], selector))
	must(p.Start())
	return p
}

// poll polls until it is stopped.
func poll(c command) func() error {
	p := pullConsumer(c)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			request, err := p.Poll(context.Background(), pollTimeout)
			if consumer.IsNoNewMsgError(err) {
				continue
			}
			must(err)
			for _, message := range request.GetMsgList() {
				got(c, message)
			}
			p.ACK(context.Background(), request, consumer.ConsumeSuccess)
		}
	}()
	return func() error {
		close(stop)
		<-stopped
		must(p.PersistOffset(context.Background(), c.options["topic"]))
		return p.Shutdown()
	}
}

func pull(c command) {
	p := pullConsumer(c)
	defer func() { must(p.Shutdown()) }()
	brokerName, queueID, _ := strings.Cut(c.options["queue"], ":")
	id, err := strconv.Atoi(queueID)
	must(err)
	queue := &primitive.MessageQueue{Topic: c.options["topic"], BrokerName: brokerName, QueueId: id}
	result, err := p.PullFrom(context.Background(), queue, int64(c.number("offset", 0)), c.number("count", 32))
	must(err)
	c.line("PULLED", pullStatuses[result.Status], result.NextBeginOffset, result.MinOffset, result.MaxOffset)
	for _, message := range result.GetMessageExts() {
		got(c, message)
	}
}
