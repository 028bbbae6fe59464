#include "common/contract/store_id.h"

bool store_id_is_valid(struct text id)
{
    if (id.len != STORE_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.data[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return true;
}
