#include "counter-service/topology/redis_slot.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* CRC16 of XMODEM: polynomial 0x1021, nothing reflected, begins with 0. */
static uint16_t crc16(struct text text)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < text.len; i++) {
        crc = (uint16_t)(crc ^ (unsigned char)text.data[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            const unsigned shifted = (unsigned)crc << 1;
            crc = (uint16_t)((crc & 0x8000) != 0 ? shifted ^ 0x1021 : shifted);
        }
    }
    return crc;
}

/* What stands between the first '{' and the first '}' after it, unless that is nothing: else the whole key. */
static struct text tag_of(struct text key)
{
    const char *open = memchr(key.data, '{', key.len);
    if (open == NULL) {
        return key;
    }
    const char *tag = open + 1;
    const char *close = memchr(tag, '}', (size_t)(key.data + key.len - tag));
    return close == NULL || close == tag ? key : (struct text){tag, (size_t)(close - tag)};
}

int redis_slot_of(struct text key)
{
    return crc16(tag_of(key)) % REDIS_SLOTS;
}

int redis_slot_of_partition(int partition)
{
    char tag[16];
    return crc16((struct text){tag, (size_t)snprintf(tag, sizeof(tag), "p%d", partition)}) % REDIS_SLOTS;
}
