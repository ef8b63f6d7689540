/* Waits in firmware until QEMU's fw_cfg has the file opt/bestla/go, then starts the loader: a
 * machine that is saved meanwhile starts again, with that file, in less time than firmware takes.
 * (QEMU, docs/specs/fw_cfg: the directory is item 0x19, big-endian: the number of files, then
 * for each its size, its item, two bytes, and its name in 56.) */
#include "_chain.h"

#include "mem.h"
#include "x86_cpu.h"

#define FW_CFG_SELECT    0x510
#define FW_CFG_DATA      0x511
#define FW_CFG_DIRECTORY 0x19
#define NAME_SIZE        56
#define PAUSE            10000 /* microseconds */

static const char go[] = "opt/bestla/go";

static void select_directory(void)
{
    __asm__ volatile("outw %0, %1"
                     :
                     : "a"((uint16_t)FW_CFG_DIRECTORY), "d"((uint16_t)FW_CFG_SELECT));
}

static uint32_t read_number(unsigned bytes)
{
    uint32_t number = 0;

    while (bytes-- > 0)
        number = number << 8 | in8(FW_CFG_DATA);
    return number;
}

static bool next_file_is_go(void)
{
    char name[NAME_SIZE];

    (void)read_number(4);
    (void)read_number(4);
    for (size_t i = 0; i < NAME_SIZE; i++)
        name[i] = (char)in8(FW_CFG_DATA);
    return memcmp(name, go, sizeof(go)) == 0;
}

static bool told_to_go(void)
{
    bool found = false;

    select_directory();
    for (uint32_t files = read_number(4); files > 0; files--)
        found |= next_file_is_go();
    return found;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);
    say("parked");
    while (!told_to_go())
        services->Stall(PAUSE);
    return start_loader(NULL, NULL);
}
