// The official Go client as a test peer. Commands, options and events are those of the Java peer
// (../java/src/main/java/peer/Peer.java): one process, lines of tab-separated fields both ways.
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

var (
	printing sync.Mutex
	running  sync.Map // id of a command -> func() error that ends it
)

type command struct {
	id, name string
	options  map[string]string
}

func parse(text string) command {
	fields := strings.Split(text, "\t")
	c := command{id: fields[0], name: fields[1], options: map[string]string{}}
	for _, field := range fields[2:] {
		name, value, _ := strings.Cut(field, "=")
		c.options[name] = value
	}
	return c
}

func (c command) text(option, fallback string) string {
	if value, ok := c.options[option]; ok {
		return value
	}
	return fallback
}

func (c command) number(option string, fallback int) int {
	value, ok := c.options[option]
	if !ok {
		return fallback
	}
	number, err := strconv.Atoi(value)
	if err != nil {
		panic(err)
	}
	return number
}

func (c command) line(event string, fields ...any) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf("%s\t%s", c.id, event)
	for _, field := range fields {
		fmt.Printf("\t%s", strings.Join(strings.Fields(fmt.Sprint(field)), " "))
	}
	fmt.Println()
}

var codeInText = regexp.MustCompile(`^CODE: (\d+)`)

// refused says what a failed request looked like to the caller: the answer's code, which is in the text only, and the
// sentence with it.
func (c command) refused(of string, err error) {
	code := "-1"
	if found := codeInText.FindStringSubmatch(err.Error()); found != nil {
		code = found[1]
	}
	c.line("REFUSED", of, code, err)
}

func main() {
	rlog.SetLogLevel("fatal")
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		go run(parse(commands.Text()))
	}
}

func run(c command) {
	defer func() {
		if failure := recover(); failure != nil {
			c.line("FAILED", failure)
		}
	}()
	switch c.name {
	case "ping":
	case "produce":
		produce(c)
	case "consume":
		running.Store(c.id, consume(c))
		c.line("READY")
		return
	case "push":
		running.Store(c.id, push(c))
		c.line("READY")
		return
	case "poll":
		running.Store(c.id, poll(c))
		c.line("READY")
		return
	case "pull":
		pull(c)
	case "administer":
		administer(c)
	case "select":
		selectBy(c)
	case "request":
		request(c)
	case "reply":
		running.Store(c.id, reply(c))
		c.line("READY")
		return
	case "begin":
		running.Store(c.id, begin(c))
		c.line("READY")
		return
	case "transact":
		transact(c)
	case "decide":
		decision(c.options["key"]) <- states[c.options["state"]]
	case "answer":
		answers.Store(c.options["key"], states[c.options["state"]])
	case "stop":
		end, _ := running.LoadAndDelete(c.options["target"])
		must(end.(func() error)())
	default:
		panic("unknown command " + c.name)
	}
	c.line("DONE")
}

// instanceName names one client among those of this process and of others: to a broker, two of one name are one.
func instanceName(name string) string {
	return fmt.Sprintf("%d-%s", os.Getpid(), name)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
