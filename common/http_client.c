#include "common/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>

struct http_client {
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

struct body_sink {
    struct buffer *body;
    size_t left; /* bytes that may still come */
};

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct body_sink *sink = ctx;
    const size_t len = size * count;
    if (len > sink->left) {
        return CURL_WRITEFUNC_ERROR;
    }
    sink->left -= len;
    buffer_append(sink->body, data, len);
    return sink->body->failed ? CURL_WRITEFUNC_ERROR : len;
}

/* What holds for every request. */
static bool set_options(struct http_client *client)
{
    CURL *curl = client->curl;
    bool done = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    done = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->reason) == CURLE_OK && done;
    done = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK && done;
    done = curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK && done;
    done = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK && done;
    /* Not even the one that the environment names. */
    return curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK && done;
}

struct http_client *http_client_create(void)
{
    struct http_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->curl = curl_easy_init(); /* initialises the library, since 7.84 in a thread-safe way */
    if (client->curl == NULL || !set_options(client)) {
        http_client_free(client);
        return NULL;
    }
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        free(client);
    }
}

int http_client_get(struct http_client *client, const char *url, int timeout_ms, size_t body_max, int *ret_status,
                    struct buffer *ret_body, struct error *error)
{
    struct body_sink sink = {.body = ret_body, .left = body_max};
    client->reason[0] = '\0';
    CURLcode code = curl_easy_setopt(client->curl, CURLOPT_URL, url);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &sink);
    }
    if (code == CURLE_OK) {
        code = curl_easy_perform(client->curl);
    }
    long status = 0;
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    }
    if (code != CURLE_OK) {
        error_set(error, "GET %s: %s", url, client->reason[0] != '\0' ? client->reason : curl_easy_strerror(code));
        return -1;
    }
    *ret_status = (int)status;
    return 0;
}
