/* The fixed bounds of the gRPC server and why they are what they are. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_LIMITS_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_LIMITS_H

enum {
    /* Calls that one connection may have open at once: bounds what a client can make the service hold, also by calls
     * whose message never comes (the library keeps those until the deadline, if they have one, or the connection's
     * end). A gateway's channel has a few. */
    RPC_STREAMS_PER_CONNECTION_MAX = 1000,
    /* Finished call objects kept for reuse, each with its first arena block of 16 KiB, per completion queue. */
    RPC_CALLS_KEPT = 512,
    /* Health Watch streams open at once. A gateway has one an instance. */
    HEALTH_WATCHES_MAX = 1024,
    /* Reflection streams open at once. People's tools open them, one at a time. */
    REFLECTION_STREAMS_MAX = 64,
    /* A client may ping an idle connection this often. The library's own bound is 5 minutes, and answers the pings of a
     * 30 s keep-alive with GOAWAY; grpc.counter_service.keep_alive may be 1 s. */
    RPC_PING_INTERVAL_MIN_MS = 500,
    /* A connection that was told to go is cut so long after the latest time at which its last call can end. */
    RPC_AGE_GRACE_REST_MS = 1000,
    /* The longest turn of a queue's thread that has nothing to do: so often its heartbeat shows that it lives. */
    RPC_TURN_MS_MAX = 1000,
    /* At shutdown, before connections are closed: the longest wait for a moment without open calls. A call waits for
     * one exchange with Redis and takes part in the next, redis.timeout (1 s) each. */
    RPC_QUIET_MS_MAX = 2000,
    /* How often that moment is looked for. */
    RPC_QUIET_LOOK_MS = 5,
    /* What clients then get to read their answers. */
    RPC_ANSWERS_READ_MS = 50,
    /* At shutdown, after the connections were told to go: when no handler has had a call for so long, those are
     * cancelled whose message has not come. */
    RPC_SILENT_MS = 500,
    /* At shutdown, after the last answers were given to the library: time to put them on the wire. */
    RPC_FLUSH_MS = 1000,
};

#endif
