/* Unix sockets as a person writes them: `unix:/run/redis/redis.sock`. Pure functions. */
#ifndef TALLY_COMMON_NET_UNIX_PATH_H
#define TALLY_COMMON_NET_UNIX_PATH_H

enum { UNIX_PATH_SIZE = 108 }; /* of sockaddr_un (unix(7)), with the NUL */

/* The path behind "unix:", which is a part of text: absolute, shorter than UNIX_PATH_SIZE, of visible ASCII without
 * comma, quotation mark and backslash. NULL: text is no such thing. */
const char *unix_path_of(const char *text);

#endif
