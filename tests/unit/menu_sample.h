/* A volume with three entries for the menu, one of which is broken. */
#ifndef BESTLA_TEST_MENU_SAMPLE_H
#define BESTLA_TEST_MENU_SAMPLE_H

#include "handoff_check.h"

#define CONF    "/loader/loader.conf"
#define ENTRIES "/loader/entries"
#define TITLE   "Bestla: what to boot"

/* Listed in this order: cherry, which is broken, banana, apple. */
static void world(const char *conf)
{
    fake_world();
    fake_remove(ENTRIES "/bestla-1.conf");
    fake_remove(ENTRIES "/bestla-2.conf");
    fake_remove(ENTRIES "/zebra.conf");
    fake_add_text(CONF, conf);
    fake_add_text(ENTRIES "/apple.conf",
                  "title Apple\nversion 7\nkernel /kernel.elf\noptions from apple\n");
    fake_add_text(ENTRIES "/banana.conf", "title Banana\nkernel /kernel.elf\noptions yellow\n");
    fake_add_text(ENTRIES "/cherry.conf", "title Cherry\nkernel cherry.elf\n");
}

#endif
