/* The fixed bounds and why they are what they are. What an operator may turn is in configs/config.yaml instead. */
#ifndef TALLY_COMMON_CONTRACT_LIMITS_H
#define TALLY_COMMON_CONTRACT_LIMITS_H

#include <stdint.h>

enum {
    /* Values (proto/tally/v1/counter.proto, proto/openapi.yaml). */
    RESOURCE_ID_LEN_MAX = 256,
    COUNTER_TYPE_LEN_MAX = 64,
    USER_ID_LEN_MAX = 128,
    IDEMPOTENCY_KEY_LEN_MAX = 128,
    SESSION_LEN = 16,
    /* Open batches of one session: a gateway loop has a few, hundreds while an instance is stuck. */
    SESSION_LANES = 1024,
    /* Of a store id: hexadecimal digits. */
    STORE_ID_LEN = 32,
    /* Items of one RPC or one HTTP batch: a write script of this size keeps Redis busy for about 2 ms. */
    BATCH_ITEMS_MAX = 1000,
    /* Counter types of one resource: bounds a listing, and the Redis command and answer behind it. */
    COUNTER_TYPES_MAX = 1000,
    /* Of a question about a ranking: what one read brings, and how far into an order it is asked. */
    RANKING_LIMIT_DEFAULT = 10,
    RANKING_LIMIT_MAX = 1000,
    RANKING_OFFSET_MAX = 100000,
    RANKING_NEIGHBOURS_MAX = 100,
    /* Of the names of windows ("24h") and periods ("2026-11-25T14"), visible ASCII. */
    RANKING_NAME_LEN_MAX = 32,
    /* Body of an HTTP batch call: 1000 items of about 1 KiB. */
    HTTP_BATCH_BODY_MAX = 1024 * 1024,
    /* libmicrohttpd's memory pool of one connection, which holds a request's line and headers: larger ones are 414
     * or 431. The pool is cleared for every request: at 32 KiB that alone was 12% of the profile. */
    HTTP_CONNECTION_POOL_BYTES = 8 * 1024,
    /* A gRPC message: 1000 items with every field at its bound are 0.6 MiB, and 0.1 more with
     * BATCH_TRACES_MAX traces. */
    GRPC_MESSAGE_BYTES_MAX = 2 * 1024 * 1024,
    /* Of the requests that share a batch so many are traced with the batch; of the others only what is theirs alone. */
    BATCH_TRACES_MAX = 128,
    /* The compressions that gRPC may take, a bit each; bit 0, none, is the only one: the library unpacks a message
     * before it looks at the bound above, and 400 KB of gzip became 430 MB. */
    GRPC_COMPRESSION_NONE_ONLY = 1,
    /* Either end gives a connection up whose peer has not answered a keep-alive ping for so long. */
    GRPC_KEEP_ALIVE_TIMEOUT_MS = 5000,
    /* Instances of one service. With more, one connection or more to each is no longer a sensible way to share. */
    INSTANCES_MAX = 64,
};

/* Largest integer that a JSON number carries exactly in a double: 2^53 - 1 (RFC 8259, section 6). */
/* Who calls: the beginning of a gateway's user-agent, to which gRPC adds its own. */
#define GATEWAY_USER_AGENT "tally-gateway"

#define JSON_INTEGER_MAX INT64_C(9007199254740991)

#endif
