/* Bounds, which a run may set with -D, and names for what they number. */

#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef PARTITIONS
#define PARTITIONS 1
#endif
#ifndef LANES
#define LANES 2 /* of a sender */
#endif
#ifndef BATCHES
#define BATCHES 2 /* of a sender */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2 /* of a batch */
#endif
#ifndef SESSIONS
#define SESSIONS 2 /* of a sender */
#endif
#ifndef DEPTH
#define DEPTH 2 /* messages in a connection */
#endif
#define SERVICES 2

/* Sessions, batches, numbers and attempts count from 1; 0 is none. Those of all senders are numbered through. */
#define SESSION(sender, n) ((sender) * SESSIONS + (n))
#define OWNER(session) (((session) - 1) / SESSIONS)
#define BATCH(sender, n) ((sender) * BATCHES + (n))
#define SESSIONS_IN_ALL (SENDERS * SESSIONS)
#define BATCHES_IN_ALL (SENDERS * BATCHES)
#define IN(thing, partition) ((thing) * PARTITIONS + (partition))

#if PARTITIONS == 1
#define ANY(condition) (condition(0))
#define BITS(condition) (condition(0))
#else
#define ANY(condition) (condition(0) || condition(1))
#define BITS(condition) (condition(0) + 2 * condition(1))
#endif

#define CHECK(condition, words) \
    if \
    :: condition \
    :: else -> printf(words); assert(false) \
    fi

/* One step of a process. d_step says nothing of what was not reached, and is shorter to read in a counterexample. */
#ifndef STEP
#define STEP atomic
#endif
