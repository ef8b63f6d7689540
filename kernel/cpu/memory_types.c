/* The page attribute table: what the three bits of a leaf that index it stand for. */
#include "cpu.h"

#include "log.h"
#include "x86_cpu.h"

#define PAT_TYPE_WC UINT64_C(1) /* SDM Vol. 3A, table 12-10 */

uint64_t page_attribute_table;

/* As after reset, so that indices 0 to 3 mean what they did before there was a table, but for one.
 */
static uint64_t table_with_write_combining(void)
{
    unsigned shift = 8 * PAT_WRITE_COMBINING;

    return (PAT_AFTER_RESET & ~(UINT64_C(0xff) << shift)) | PAT_TYPE_WC << shift;
}

/* Drops global translations too (SDM Vol. 3A, 4.10.4.1). */
static void flush_translations(uint64_t cr4)
{
    write_cr4(cr4 & ~CR4_PGE);
    write_cr3(read_cr3());
}

/* SDM Vol. 3A, 12.12.4 asks for the sequence of 12.11.8, without the MTRRs and the other
 * processors: no line may stay cached, and no translation, that was made with the old types.
 * Interrupts are off. */
static void write_table(uint64_t table)
{
    uint64_t cr0 = read_cr0(), cr4 = read_cr4();

    write_cr0((cr0 | CR0_CD) & ~CR0_NW); /* no-fill mode */
    write_back_caches();
    flush_translations(cr4);
    write_msr(MSR_PAT, table);
    write_back_caches();
    flush_translations(cr4);
    write_cr0(cr0);
    write_cr4(cr4);
}

unsigned cpu_set_memory_types(void)
{
    if (!cpu_has_page_attributes()) {
        log_info("cpu", "no page attribute table: a framebuffer is mapped uncached");
        return PAT_UNCACHED_MINUS;
    }
    uint64_t firmwares = read_msr(MSR_PAT), own = table_with_write_combining();
    if (firmwares != own)
        write_table(own);
    page_attribute_table = own;
    log_info("cpu", "PAT 0x%016lx, was 0x%016lx; index %u is write-combining", own, firmwares,
             PAT_WRITE_COMBINING);
    return PAT_WRITE_COMBINING;
}
