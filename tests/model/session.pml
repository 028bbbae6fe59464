/*
 * The session protocol (ARCHITECTURE.md, "Sessions") for spin: does a batch count twice, is a caller told something
 * that is not so? model.sh runs it; README.md says what is modelled, what is not, and how to read a counterexample.
 */

#include "bounds.pml"
#include "variants.pml"

typedef Sender {
    byte opened;  /* how many sessions it began to open */
    byte session; /* the one that it has */
    byte batches; /* how many it began */
    byte number   /* the last one that it gave to a batch */
};
Sender senders[SENDERS];

/* How the items of a batch in one partition stand at the sender. */
mtype = { told, idle, waiting, written, not_written };

/* A lane at the sender, and the batch that it carries. */
typedef Lane {
    byte batch;
    byte session;
    byte number;
    byte attempt; /* the last one */
    mtype state[PARTITIONS];
    bool doubt[PARTITIONS] /* an attempt ended unknown */
};
Lane lanes[SENDERS * LANES];
#define LANE(sender, lane) lanes[(sender) * LANES + (lane)]

/* The open step of a session: how often it is under way, and whether it was answered. */
byte opening[IN(SESSIONS_IN_ALL + 1, 0)];
bool opened[IN(SESSIONS_IN_ALL + 1, 0)];

/* Redis: a session's hash with a record for each lane, and how often the items of a batch count. */
typedef Hash {
    bool exists;
    byte number[LANES];
    byte batch[LANES] /* stands for fingerprint and results */
};
Hash hashes[IN(SESSIONS_IN_ALL + 1, 0)];
byte count[IN(BATCHES_IN_ALL + 1, 0)];

/* For the checks alone. */
bool lost[IN(BATCHES_IN_ALL + 1, 0)];    /* it counted, and Redis lost that */
bool refused[IN(BATCHES_IN_ALL + 1, 0)]; /* its caller was told "not applied" */
#ifdef LOSSES_NOT_COUNTED /* a counterexample then shows a wrong counter, not one that Redis lost as well */
#define NEVER_COUNTED(i) (count[i] == 0)
#else
#define NEVER_COUNTED(i) (count[i] == 0 && !lost[i])
#endif

/*
 * Connections: first in, first out. Between two of them there is no order.
 * call: session, lane, number, batch, attempt, partitions as bits. command: the same without the last.
 */
#ifdef OWN_CONNECTIONS
/* More than two services and their connections can do: each copy of a batch comes by its own way, in any order, at any
 * time. One that never comes was lost, by a cut or a crash. */
#define CONNECTIONS (BATCHES_IN_ALL * ATTEMPTS)
#else
#define CONNECTIONS SERVICES
chan call[SENDERS * SERVICES] = [DEPTH] of { byte, byte, byte, byte, byte, byte };
#define CALL(sender, service) call[(sender) * SERVICES + (service)]
#endif
chan command[IN(CONNECTIONS, 0)] = [DEPTH] of { byte, byte, byte, byte, byte };
#define COMMAND(connection, partition) command[IN(connection, partition)]

#include "service.pml"
#include "sender.pml"
#include "redis.pml"

init {
    byte i, p;
    atomic {
        for (p : 0 .. PARTITIONS - 1) {
            for (i : 0 .. CONNECTIONS - 1) {
                run Redis(i, p)
            }
            for (i : 1 .. SESSIONS_IN_ALL) {
                run SessionInRedis(i, p)
            }
            run Loss(p)
        }
        for (i : 0 .. SENDERS - 1) {
            run SessionOfSender(i);
            for (p : 0 .. LANES - 1) {
                run LaneOfSender(i, p)
            }
#ifndef OWN_CONNECTIONS
            for (p : 0 .. SERVICES - 1) {
                run Service(p, i)
            }
#endif
        }
        i = 0; p = 0
    }
}
