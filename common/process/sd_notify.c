#include "common/process/sd_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/decimal.h"

enum { SEND_TIMEOUT_S = 1 };

/* A path, or with a leading @ a name in the abstract namespace (unix(7)). Returns the address's length, or 0. */
static socklen_t parse_address(const char *text, struct sockaddr_un *ret_address)
{
    const size_t len = strlen(text);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(address.sun_path)) {
        return 0;
    }
    memcpy(address.sun_path, text, len);
    if (text[0] == '@') {
        address.sun_path[0] = '\0';
    }
    *ret_address = address;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Returns 0 or an errno. */
static int send_datagram(const struct sockaddr_un *address, socklen_t address_len, const char *text)
{
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    const struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
    int failure = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)address, address_len) < 0) {
        failure = errno;
    }
    close(fd);
    return failure;
}

int sd_notify_send(const char *assignments, struct error *error)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL) {
        return 0;
    }
    struct sockaddr_un address;
    const socklen_t len = parse_address(name, &address);
    if (len == 0) {
        error_set(error, "NOTIFY_SOCKET is \"%.128s\": it must be a path, or @ and a name", name);
        return -1;
    }
    const int failure = send_datagram(&address, len, assignments);
    if (failure != 0) {
        error_set(error, "cannot send to NOTIFY_SOCKET %s: %s", name, strerror(failure));
        return -1;
    }
    return 0;
}

static int64_t number_of(const char *text)
{
    int64_t number;
    return decimal_parse(text_of(text), &number) ? number : 0;
}

int64_t sd_notify_watchdog_us(pid_t self)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && number_of(pid) != self)) {
        return 0;
    }
    const int64_t us = number_of(usec);
    return us > 0 ? us : 0;
}
