#include "gateway/http/cors.h"

static bool allows_all(const struct cors *cors)
{
    for (size_t i = 0; i < cors->count; i++) {
        if (text_equal(text_of(cors->origins[i]), TEXT("*"))) {
            return true;
        }
    }
    return false;
}

const char *cors_allowed_origin(const struct cors *cors, struct text origin)
{
    if (allows_all(cors)) {
        return "*";
    }
    if (origin.data == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < cors->count; i++) {
        if (text_equal(text_of(cors->origins[i]), origin)) {
            return cors->origins[i];
        }
    }
    return NULL;
}

bool cors_varies(const struct cors *cors)
{
    return cors->count > 0 && !allows_all(cors);
}
