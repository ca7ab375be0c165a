package main

import (
	"context"
	"strconv"

	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// administer makes, changes and deletes topics; this client has no command for brokers.
func administer(c command) {
	resolver := primitive.NewPassthroughResolver([]string{c.options["namesrv"]})
	tool, err := admin.NewAdmin(admin.WithResolver(resolver))
	must(err)
	defer tool.Close()
	number := func(option string) int {
		value, err := strconv.Atoi(c.options[option])
		must(err)
		return value
	}
	switch c.options["do"] {
	case "put":
		must(tool.CreateTopic(context.Background(),
			admin.WithTopicCreate(c.options["topic"]),
			admin.WithBrokerAddrCreate(c.options["broker"]),
			admin.WithReadQueueNums(number("read")),
			admin.WithWriteQueueNums(number("write")),
			admin.WithPerm(number("perm"))))
	case "delete":
		must(tool.DeleteTopic(context.Background(),
			admin.WithTopicDelete(c.options["topic"]),
			admin.WithBrokerAddrDelete(c.options["broker"]),
			admin.WithNameSrvAddr([]string{c.options["namesrv"]})))
	default:
		panic("do " + c.options["do"])
	}
}
