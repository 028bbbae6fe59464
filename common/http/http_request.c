/* What a request tells only when it is asked, since most are not. */
#include <assert.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "common/http/http_loop.h"
#include "common/http/http_peer.h"

/* --- query -------------------------------------------------------------------------------------------------------- */

struct query_writer {
    char *out;
    size_t size;
    size_t len;
    bool is_full;
    bool has_parameter;
};

static void put(struct query_writer *writer, const char *data, size_t len)
{
    if (len > writer->size - writer->len) {
        writer->is_full = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        writer->out[writer->len++] = data[i] == ' ' ? '+' : data[i];
    }
}

/* libmicrohttpd has split the query in place, at each '&' and at the first '=' behind it, and made each '+' a blank. No
 * target has a blank of its own: http_intake. */
static enum MHD_Result put_parameter(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                     const char *value, size_t value_len)
{
    struct query_writer *writer = cls;
    (void)kind;
    if (writer->has_parameter) {
        put(writer, "&", 1);
    }
    writer->has_parameter = true;
    put(writer, name, name_len);
    if (value != NULL) {
        put(writer, "=", 1);
        put(writer, value, value_len);
    }
    return writer->is_full ? MHD_NO : MHD_YES;
}

int http_request_query(const struct http_request *request, char *out, size_t size)
{
    const struct http_exchange *exchange = (const struct http_exchange *)request;
    struct query_writer writer = {.size = size <= INT_MAX ? size : INT_MAX};
    writer.out = out;
    assert(exchange->mhd_connection != NULL);
    MHD_get_connection_values_n(exchange->mhd_connection, MHD_GET_ARGUMENT_KIND, put_parameter, &writer);
    return writer.is_full ? -1 : (int)writer.len;
}

/* --- peer --------------------------------------------------------------------------------------------------------- */

struct http_peer http_request_peer(const struct http_request *request)
{
    const struct http_exchange *exchange = (const struct http_exchange *)request;
    assert(exchange->mhd_connection != NULL);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->mhd_connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return http_peer_of(info != NULL ? info->client_addr : NULL);
}

/* --- others ------------------------------------------------------------------------------------------------------- */

const char *http_request_any_field(const struct http_request *request, const char *name)
{
    const struct http_exchange *exchange = (const struct http_exchange *)request;
    assert(exchange->mhd_connection != NULL);
    return MHD_lookup_connection_value(exchange->mhd_connection, MHD_HEADER_KIND, name);
}

struct line_writer {
    struct text name;
    struct buffer *out;
    bool has_line;
};

static enum MHD_Result append_line(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                   const char *value, size_t value_len)
{
    struct line_writer *writer = cls;
    (void)kind;
    if (name_len == writer->name.len && strncasecmp(name, writer->name.data, name_len) == 0) {
        buffer_append(writer->out, ",", writer->has_line ? 1 : 0);
        buffer_append(writer->out, value, value_len);
        writer->has_line = true;
    }
    return MHD_YES;
}

void http_request_whole_field(const struct http_request *request, const char *name, struct buffer *out)
{
    const struct http_exchange *exchange = (const struct http_exchange *)request;
    struct line_writer writer = {.name = text_of(name), .out = out};
    assert(exchange->mhd_connection != NULL);
    MHD_get_connection_values_n(exchange->mhd_connection, MHD_HEADER_KIND, append_line, &writer);
}

int http_request_socket(const struct http_request *request)
{
    const struct http_exchange *exchange = (const struct http_exchange *)request;
    assert(exchange->mhd_connection != NULL);
    return MHD_get_connection_info(exchange->mhd_connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

void http_request_expect(struct http_request *request, int answer_timeout_ms)
{
    const struct http_exchange *exchange = (const struct http_exchange *)request;
    const unsigned usual_s = http_loop_library_timeout_s(&exchange->loop->options);
    const unsigned wanted_s = (unsigned)answer_timeout_ms / 1000 + 2;
    assert(exchange->mhd_connection != NULL);
    MHD_set_connection_option(exchange->mhd_connection, MHD_CONNECTION_OPTION_TIMEOUT,
                              wanted_s > usual_s ? wanted_s : usual_s);
}
