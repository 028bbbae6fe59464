#include "common/net/unix_path.h"

#include <string.h>

#include "common/base/text.h"

const char *unix_path_of(const char *text)
{
    static const char scheme[] = "unix:";
    const size_t scheme_len = sizeof(scheme) - 1;
    if (strncmp(text, scheme, scheme_len) != 0) {
        return NULL;
    }
    const struct text path = text_of(text + scheme_len);
    const bool is_path = path.len > 1 && path.len < UNIX_PATH_SIZE && path.data[0] == '/' &&
                         text_is_visible_ascii(path) && strpbrk(path.data, ",\"\\") == NULL;
    return is_path ? path.data : NULL;
}
