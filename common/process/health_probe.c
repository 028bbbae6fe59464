#include "common/process/health_probe.h"

#include <stdio.h>

#include "common/base/buffer.h"
#include "common/net/host_port.h"
#include "common/net/http_client.h"

enum { BODY_MAX = 64 * 1024, QUOTED_LEN_MAX = 256 };

static const char *reachable_host(const char *host)
{
    if (!host_is_wildcard(host)) {
        return host;
    }
    return host[0] == ':' ? "::1" : "127.0.0.1";
}

static int ask(struct http_client *client, const char *url, struct buffer *body, struct error *error)
{
    int status;
    if (http_client_get(client, url, HEALTH_PROBE_TIMEOUT_MS, BODY_MAX, &status, body, error) != 0) {
        return -1;
    }
    if (status != 200) {
        const int len = (int)(body->len < QUOTED_LEN_MAX ? body->len : QUOTED_LEN_MAX);
        error_set(error, "GET %s: status %d: %.*s", url, status, len, len == 0 ? "" : body->data);
        return -1;
    }
    return 0;
}

int health_probe(const char *host, int port, const char *path, struct error *error)
{
    if (port == 0) {
        error_set(error, "the configured port is 0: which one the program took cannot be known");
        return -1;
    }
    char address[HOST_PORT_SIZE];
    char url[HOST_PORT_SIZE + 128];
    host_port_write(reachable_host(host), port, address);
    snprintf(url, sizeof(url), "http://%s%s", address, path);
    struct http_client *client = http_client_create();
    if (client == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    struct buffer body;
    buffer_init(&body);
    const int result = ask(client, url, &body, error);
    buffer_done(&body);
    http_client_free(client);
    return result;
}
