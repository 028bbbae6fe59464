/* One transfer at a time, driven through libcurl's multi interface: curl_multi_poll, unlike curl_easy_perform, can
 * be woken (https://curl.se/libcurl/c/curl_multi_wakeup.html). */
#include "common/net/http_client.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MAX_MS = 1000 }; /* libcurl ends the poll sooner when a timeout of its own is due */

struct http_client {
    CURL *curl;
    CURLM *multi;
    char reason[CURL_ERROR_SIZE];
    atomic_bool cancelled; /* set by any thread, never cleared */
};

struct body_sink {
    struct buffer *body;
    size_t left; /* bytes that may still come */
    bool cuts;
    bool is_cut;
};

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct body_sink *sink = ctx;
    const size_t len = size * count;
    const bool is_too_long = len > sink->left;
    if (is_too_long && !sink->cuts) {
        return CURL_WRITEFUNC_ERROR;
    }
    const size_t taken = is_too_long ? sink->left : len;
    sink->left -= taken;
    buffer_append(sink->body, data, taken);
    sink->is_cut = is_too_long && !sink->body->failed;
    return is_too_long || sink->body->failed ? CURL_WRITEFUNC_ERROR : len;
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
    done = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CLIENT_CONNECT_MAX_MS) == CURLE_OK && done;
    /* No proxy, not even the one that the environment names. */
    return curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK && done;
}

struct http_client *http_client_create(void)
{
    struct http_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    atomic_init(&client->cancelled, false);
    client->curl = curl_easy_init(); /* initialises the library, since 7.84 in a thread-safe way */
    client->multi = curl_multi_init();
    if (client->curl == NULL || client->multi == NULL || !set_options(client)) {
        http_client_free(client);
        return NULL;
    }
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        curl_multi_cleanup(client->multi);
        free(client);
    }
}

void http_client_cancel(struct http_client *client)
{
    /* First the flag, then the wake-up: whoever is woken sees the flag. A wake-up that finds no poll is kept for the
     * next. */
    atomic_store_explicit(&client->cancelled, true, memory_order_release);
    curl_multi_wakeup(client->multi);
}

static bool is_cancelled(const struct http_client *client)
{
    return atomic_load_explicit(&client->cancelled, memory_order_acquire);
}

static const char *const method_names[] = {
    [HTTP_CLIENT_GET] = "GET", [HTTP_CLIENT_PUT] = "PUT", [HTTP_CLIENT_POST] = "POST"};

static CURLcode set_method(CURL *curl, const struct http_client_request *request)
{
    if (request->method == HTTP_CLIENT_GET) {
        const CURLcode code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
        return code == CURLE_OK ? curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) : code;
    }
    CURLcode code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.data : "");
    }
    return code == CURLE_OK ? curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method_names[request->method]) : code;
}

static int add_header(struct curl_slist **headers, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*headers, header);
    if (longer == NULL) {
        return -1;
    }
    *headers = longer;
    return 0;
}

/* *ret_headers: to be freed when the request is over, whatever is returned. */
static CURLcode set_headers(CURL *curl, const struct http_client_request *request, struct curl_slist **ret_headers)
{
    /* Without a value: libcurl does not ask for "100 Continue", which few answer, before a long body. */
    if (add_header(ret_headers, "Expect:") != 0) {
        return CURLE_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        if (add_header(ret_headers, request->headers[i]) != 0) {
            return CURLE_OUT_OF_MEMORY;
        }
    }
    return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *ret_headers);
}

static CURLcode set_request(CURL *curl, const struct http_client_request *request, struct body_sink *sink,
                            struct curl_slist **ret_headers)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, request->url);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    }
    if (code == CURLE_OK) {
        code = set_method(curl, request);
    }
    return code == CURLE_OK ? set_headers(curl, request, ret_headers) : code;
}

/* The result of the only transfer, which has ended. */
static CURLcode result_of_transfer(CURLM *multi)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    return message != NULL && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
}

/* What curl_easy_perform does, but for the look at `cancelled`. */
static CURLcode drive(struct http_client *client)
{
    int running = 1;
    while (!is_cancelled(client)) {
        if (curl_multi_perform(client->multi, &running) != CURLM_OK) {
            return CURLE_FAILED_INIT;
        }
        if (running == 0) {
            return result_of_transfer(client->multi);
        }
        if (curl_multi_poll(client->multi, NULL, 0, POLL_MAX_MS, NULL) != CURLM_OK) {
            return CURLE_FAILED_INIT;
        }
    }
    /* Without this option libcurl would wait for a name that is still being looked up. */
    curl_easy_setopt(client->curl, CURLOPT_QUICK_EXIT, 1L);
    snprintf(client->reason, sizeof(client->reason), "cancelled");
    return CURLE_ABORTED_BY_CALLBACK;
}

static CURLcode perform(struct http_client *client)
{
    if (curl_multi_add_handle(client->multi, client->curl) != CURLM_OK) {
        return CURLE_FAILED_INIT;
    }
    const CURLcode code = drive(client);
    curl_multi_remove_handle(client->multi, client->curl);
    return code;
}

static void copy_header(CURL *curl, const char *name, char out[HTTP_CLIENT_HEADER_SIZE])
{
    struct curl_header *header;
    out[0] = '\0';
    if (name != NULL && curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        snprintf(out, HTTP_CLIENT_HEADER_SIZE, "%s", header->value);
    }
}

static CURLcode read_answer(CURL *curl, const char *wanted_header, struct http_client_answer *ret_answer)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    char *address = NULL;
    CURLcode code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(curl, CURLINFO_LOCAL_IP, &address);
    }
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    }
    if (code == CURLE_OK) {
        ret_answer->status = (int)status;
        ret_answer->retry_after_s = retry_after_s > 0 ? retry_after_s : 0; /* a date may be over */
        snprintf(ret_answer->local_address, sizeof(ret_answer->local_address), "%s", address == NULL ? "" : address);
        copy_header(curl, wanted_header, ret_answer->header);
    }
    return code;
}

int http_client_request(struct http_client *client, const struct http_client_request *request,
                        struct http_client_answer *ret_answer, struct buffer *ret_body, struct error *error)
{
    struct body_sink sink = {.body = ret_body, .left = request->body_max, .cuts = request->cuts_body};
    struct curl_slist *headers = NULL;
    client->reason[0] = '\0';
    CURLcode code = set_request(client->curl, request, &sink, &headers);
    if (code == CURLE_OK) {
        code = perform(client);
        code = sink.is_cut && code == CURLE_WRITE_ERROR ? CURLE_OK : code;
    }
    if (code == CURLE_OK) {
        code = read_answer(client->curl, request->wanted_header, ret_answer);
    }
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        error_set(error, "%s %s: %s", method_names[request->method], request->url,
                  client->reason[0] != '\0' ? client->reason : curl_easy_strerror(code));
        return -1;
    }
    return 0;
}

int http_client_get(struct http_client *client, const char *url, int timeout_ms, size_t body_max, int *ret_status,
                    struct buffer *ret_body, struct error *error)
{
    const struct http_client_request request = {.url = url, .timeout_ms = timeout_ms, .body_max = body_max};
    struct http_client_answer answer;
    if (http_client_request(client, &request, &answer, ret_body, error) != 0) {
        return -1;
    }
    *ret_status = answer.status;
    return 0;
}
