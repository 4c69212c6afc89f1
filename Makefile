# gitopper - GitOps for machines that run services without Kubernetes
.POSIX:
include config.mk

BIN = gitopper-conf gitopper-wait gitopper-pull gitopper-mount gitopper-act \
	gitopper-ctl
SCRIPT = gitopper
MAN = gitopper.1 gitopper-conf.1 gitopper-wait.1 gitopper-pull.1 \
	gitopper-mount.1 gitopper-act.1 gitopper-ctl.1 gitopper.toml.5
ACTION = action/package action/reload
TESTBIN = tests/toml-json tests/replay-toml

BASE = util.o file.o
STATE = $(BASE) kv.o state.o service.o control.o upstream.o
FILTER = $(STATE) names.o
CONF = gitopper-conf.o config.o toml.o $(STATE)
WAIT = gitopper-wait.o $(STATE)
PULL = gitopper-pull.o fetch.o reader.o stage.o publish.o tree.o $(FILTER)
MOUNT = gitopper-mount.o $(FILTER)
ACT = gitopper-act.o $(FILTER)
CTL = gitopper-ctl.o json.o $(STATE)
OBJ = $(CONF) $(WAIT) $(PULL) $(MOUNT) $(ACT) $(CTL)

all: $(BIN)

gitopper-conf: $(CONF)
	$(CC) $(LDFLAGS) -o $@ $(CONF)

gitopper-wait: $(WAIT)
	$(CC) $(LDFLAGS) -o $@ $(WAIT)

gitopper-pull: $(PULL)
	$(CC) $(LDFLAGS) -o $@ $(PULL) -lgit2 -lmd

gitopper-mount: $(MOUNT)
	$(CC) $(LDFLAGS) -o $@ $(MOUNT)

gitopper-act: $(ACT)
	$(CC) $(LDFLAGS) -o $@ $(ACT)

gitopper-ctl: $(CTL)
	$(CC) $(LDFLAGS) -o $@ $(CTL)

tests/toml-json: tests/toml-json.c toml.o
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) $(LDFLAGS) -I. -o $@ \
		tests/toml-json.c toml.o

tests/replay-toml: tests/fuzz-toml.c toml.o
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) $(LDFLAGS) -I. -DREPLAY \
		-o $@ tests/fuzz-toml.c toml.o

.c.o:
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) -c -o $@ $<

config.h:
	cp config.def.h $@
