/* The codes that calls end with, google.rpc.Code, as labels of metrics. Pure. */
#ifndef TALLY_COMMON_CONTRACT_GRPC_CODE_H
#define TALLY_COMMON_CONTRACT_GRPC_CODE_H

enum { GRPC_CODES = 17 }; /* 0 (OK) to 16 */

/* A place for code in a table of GRPC_CODES: code itself, or UNKNOWN if gRPC has no such code
 * (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md). */
int grpc_code_index(int code);
/* "DEADLINE_EXCEEDED" */
const char *grpc_code_name(int code);

#endif
