/* The RPCs of counter-service that the gateway calls: one table, for the calls and for their metrics. */
#ifndef TALLY_GATEWAY_RPC_COUNTER_RPC_H
#define TALLY_GATEWAY_RPC_COUNTER_RPC_H

/* COUNTER_RPC_..., the name in proto/tally/v1/counter.proto */
#define COUNTER_RPC_TABLE(X) \
    X(OPEN_SESSION, "OpenSession") \
    X(KEEP_SESSION, "KeepSession") \
    X(SESSION_INCREMENT, "SessionIncrement") \
    X(BATCH_GET, "BatchGet") \
    X(LIST_COUNTERS, "ListCounters") \
    X(TOP_COUNTERS, "TopCounters") \
    X(RANK_OF, "RankOf")

enum counter_rpc {
#define COUNTER_RPC_ENUM(symbol, name) COUNTER_RPC_##symbol,
    COUNTER_RPC_TABLE(COUNTER_RPC_ENUM)
#undef COUNTER_RPC_ENUM
        COUNTER_RPCS
};

#endif
