package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var (
	states = map[string]primitive.LocalTransactionState{
		"COMMIT_MESSAGE":   primitive.CommitMessageState,
		"ROLLBACK_MESSAGE": primitive.RollbackMessageState,
		"UNKNOW":           primitive.UnknowState,
	}
	transacting sync.Map // key -> its transact command
	decisions   sync.Map // key -> channel of its local transaction's state
	answers     sync.Map // key -> what check-backs say
	transacters sync.Map // id of begin -> rocketmq.TransactionProducer
)

func decision(key string) chan primitive.LocalTransactionState {
	channel, _ := decisions.LoadOrStore(key, make(chan primitive.LocalTransactionState, 1))
	return channel.(chan primitive.LocalTransactionState)
}

func nameOf(state primitive.LocalTransactionState) string {
	for name, one := range states {
		if one == state {
			return name
		}
	}
	return fmt.Sprint(state)
}

// listener says what it is told; it belongs to one transaction producer.
type listener struct{ begin command }

func (l listener) ExecuteLocalTransaction(message *primitive.Message) primitive.LocalTransactionState {
	transact, _ := transacting.Load(message.GetKeys())
	transact.(command).line("LOCAL", message.GetKeys(), message.TransactionId)
	return <-decision(message.GetKeys())
}

func (l listener) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	state := primitive.UnknowState
	if answer, ok := answers.Load(message.GetKeys()); ok {
		state = answer.(primitive.LocalTransactionState)
	}
	l.begin.line("CHECKED", message.GetKeys(), message.TransactionId, nameOf(state))
	return state
}

// begin starts a transaction producer. It tells a broker of itself only once it knows one, which it learns from the
// route of what it sends, and then every 30 s.
func begin(c command) func() error {
	p, err := rocketmq.NewTransactionProducer(listener{begin: c},
		producer.WithNameServer([]string{c.options["namesrv"]}),
		producer.WithGroupName(c.options["group"]),
		producer.WithSendMsgTimeout(30*time.Second),
		producer.WithInstanceName(instanceName(c.id)))
	must(err)
	must(p.Start())
	transacters.Store(c.id, p)
	key := "first-" + c.id
	decision(key) <- primitive.CommitMessageState
	send(c, p, c.options["first"], key)
	return p.Shutdown
}

func transact(c command) {
	p, _ := transacters.Load(c.options["producer"])
	send(c, p.(rocketmq.TransactionProducer), c.options["topic"], c.options["key"])
}

func send(c command, p rocketmq.TransactionProducer, topic, key string) {
	transacting.Store(key, c)
	message := primitive.NewMessage(topic, []byte("body of "+key)).WithTag("TagA").WithKeys([]string{key})
	if immunity, ok := c.options["immunity"]; ok {
		message.WithProperty("CHECK_IMMUNITY_TIME_IN_SECONDS", immunity)
	}
	result, err := p.SendMessageInTransaction(context.Background(), message)
	if err != nil {
		c.refused(key, err)
		return
	}
	c.line("ENDED", key, "SEND_OK", result.MsgID, message.TransactionId, nameOf(result.State))
}
