#include "common/http/http_head.h"

#include <string.h>
#include <strings.h>

#include "common/base/percent.h"

enum { PORT_DIGITS_MAX = 5 };

static bool is_one_of(char byte, const char *bytes)
{
    return byte != '\0' && strchr(bytes, byte) != NULL;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_alphanumeric(char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

/* Length of the longest start of text that is an IP-literal or a reg-name (RFC 3986, section 3.2.2). What is in the
 * brackets is nobody's business here, as long as it ends. */
static size_t host_len(struct text text)
{
    size_t len = 0;
    if (text.len > 0 && text.data[0] == '[') {
        do {
            len++;
        } while (len < text.len && (hex_value(text.data[len]) >= 0 || is_one_of(text.data[len], ":.%vV")));
        return len > 1 && len < text.len && text.data[len] == ']' ? len + 1 : 0;
    }
    while (len < text.len && (is_alphanumeric(text.data[len]) || is_one_of(text.data[len], "-._~!$&'()*+,;=%"))) {
        len++;
    }
    return len;
}

bool http_head_is_authority(struct text text)
{
    size_t at = host_len(text);
    if (at == 0 || at == text.len) {
        return at > 0;
    }
    if (text.data[at++] != ':' || text.len - at > PORT_DIGITS_MAX) {
        return false;
    }
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at == text.len;
}

static enum http_method method_of(struct text name)
{
    if (text_equal(name, TEXT("POST"))) {
        return HTTP_POST;
    }
    if (text_equal(name, TEXT("GET"))) {
        return HTTP_GET;
    }
    if (text_equal(name, TEXT("HEAD"))) {
        return HTTP_HEAD;
    }
    return text_equal(name, TEXT("OPTIONS")) ? HTTP_OPTIONS : HTTP_OTHER_METHOD;
}

static void complain(struct http_head *head, const char *sentence)
{
    if (head->fault == NULL) {
        head->fault = sentence;
    }
}

static bool starts_with(struct text text, struct text start)
{
    return text.len >= start.len && strncasecmp(text.data, start.data, start.len) == 0;
}

static struct text behind(struct text text, size_t len)
{
    return (struct text){text.data + len, text.len - len};
}

/* absolute-form (RFC 9112, section 3.2.2): what a client sends to a proxy, and every server must take. */
static void take_absolute_target(struct http_head *head, struct text rest)
{
    const char *slash = memchr(rest.data, '/', rest.len);
    const struct text authority = {rest.data, slash == NULL ? rest.len : (size_t)(slash - rest.data)};
    if (!http_head_is_authority(authority)) {
        complain(head, "the target must have a host and, behind a colon, a port");
    }
    head->request->path = slash == NULL ? TEXT("/") : behind(rest, authority.len);
}

static void take_target(struct http_head *head, struct text target)
{
    static const struct text http = {"http://", sizeof("http://") - 1};
    static const struct text https = {"https://", sizeof("https://") - 1};
    head->request->path = target;
    if (starts_with(target, TEXT("/"))) {
        return; /* origin-form */
    }
    if (starts_with(target, http)) {
        take_absolute_target(head, behind(target, http.len));
    } else if (starts_with(target, https)) {
        take_absolute_target(head, behind(target, https.len));
    } else if (head->request->method != HTTP_OPTIONS || !text_equal(target, TEXT("*"))) {
        complain(head, "the target must be a path, an http URL, or, with OPTIONS, *");
    }
}

void http_head_begin(struct http_head *head, const struct http_application *application, struct http_request *request,
                     const char *method, const char *target)
{
    *head = (struct http_head){.application = application, .request = request};
    request->method = method_of(text_of(method));
    take_target(head, text_of(target));
}

/* Without the optional white space around a value (RFC 9110, section 5.5): libmicrohttpd removes only what is
 * before. */
static struct text trimmed(struct text text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = behind(text, 1);
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool name_is(struct text name, struct text wanted)
{
    return name.len == wanted.len && strncasecmp(name.data, wanted.data, wanted.len) == 0;
}

/* digits: valid, since http_intake has let them in. */
static size_t decimal(struct text digits)
{
    size_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        number = number * 10 + (size_t)(digits.data[i] - '0');
    }
    return number;
}

static void take_host(struct http_head *head, struct text value)
{
    head->host_count++;
    if (!http_head_is_authority(value)) {
        complain(head, "Host must be a host and, behind a colon, a port");
    }
}

static void take_wanted(struct http_head *head, size_t index, struct text value)
{
    struct http_field *field = &head->request->fields[index];
    field->value = value;
    field->count++;
    if (field->count > 1 && head->application->wanted_fields[index].repeated != NULL) {
        complain(head, head->application->wanted_fields[index].repeated);
    }
}

/* A field that the server does not need itself: the application may want it, or be told its name. */
static void take_other(struct http_head *head, struct text name, struct text value)
{
    const struct http_application *application = head->application;
    for (size_t i = 0; i < application->wanted_count; i++) {
        if (name_is(name, application->wanted_fields[i].name)) {
            take_wanted(head, i, value);
            return;
        }
    }
    if (application->is_notable != NULL && application->is_notable(name)) {
        head->request->notable_name = name;
    }
}

void http_head_field(struct http_head *head, struct text name, struct text value)
{
    value = trimmed(value);
    if (name_is(name, TEXT("Host"))) {
        take_host(head, value);
    } else if (name_is(name, TEXT("Content-Length"))) {
        head->content_length = decimal(value);
    } else {
        take_other(head, name, value);
    }
}

const char *http_head_end(struct http_head *head, const char *version)
{
    if (head->host_count > 1) {
        complain(head, "Host must not be repeated");
    }
    if (head->host_count == 0 && strcmp(version, "HTTP/1.0") != 0) {
        complain(head, "Host is missing");
    }
    return head->fault;
}
