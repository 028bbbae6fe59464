/* What the gRPC library has to say goes into the log, as lines of the component "grpc". GRPC_VERBOSITY and GRPC_TRACE
 * in the environment say how much that is; by default, errors. */
#ifndef TALLY_COMMON_LOG_GRPC_LOG_H
#define TALLY_COMMON_LOG_GRPC_LOG_H

/* Before the library is used. */
void grpc_log_redirect(void);

#endif
