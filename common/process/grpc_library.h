/* The gRPC library in a process: what is set before its first use, and its end.
 *
 * Its last grpc_shutdown is often not ours: each connection holds the library until a thread of the library has closed
 * it, some hundred milliseconds after grpc_channel_destroy. That thread then joins the others and frees what they used.
 * A main() that returns meanwhile runs the library's destructors beside it. */
#ifndef TALLY_COMMON_PROCESS_GRPC_LIBRARY_H
#define TALLY_COMMON_PROCESS_GRPC_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

/* Before any thread is started: the environment is changed. */
void grpc_library_prepare(void);

/* After the process's own last grpc_shutdown. False: the library was still in use after timeout_ms. */
bool grpc_library_wait_for_end(int64_t timeout_ms);

#endif
