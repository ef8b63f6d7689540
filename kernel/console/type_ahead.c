/* See type_ahead.h. */
#include "type_ahead.h"

bool type_ahead_feed(struct type_ahead *ahead, char character)
{
    if (character == TYPE_AHEAD_INTERRUPT) {
        ahead->count = 0;
        return true;
    }
    if (ahead->count < TYPE_AHEAD_MAX)
        ahead->text[(ahead->first + ahead->count++) % TYPE_AHEAD_MAX] = character;
    return false;
}

bool type_ahead_take(struct type_ahead *ahead, char *character)
{
    if (ahead->count == 0)
        return false;
    *character = ahead->text[ahead->first];
    ahead->first = (ahead->first + 1) % TYPE_AHEAD_MAX;
    ahead->count--;
    return true;
}
