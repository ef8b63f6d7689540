/* An EFI program that is started in the loader's place, and what it is given (UEFI 2.10, 7.4). It
 * lives on after the loader's own memory has gone back to firmware. */
#ifndef BESTLA_LOADER_PROGRAM_H
#define BESTLA_LOADER_PROGRAM_H

#include "boot.h"

/* UEFI 2.10, 13.2: EFI_LOAD_FILE2_PROTOCOL is EFI_LOAD_FILE_PROTOCOL by another name. */
struct initrd {
    EFI_LOAD_FILE_PROTOCOL protocol; /* first: a pointer to it is one to all of this */
    EFI_BOOT_SERVICES *services;
    EFI_HANDLE handle; /* that carries it; NULL: there is none */
    uint64_t at, size, pages;
};

/* The entry's `initrd` files, one behind the other, in memory of their own: nothing, and
 * EFI_SUCCESS, where it has none. */
EFI_STATUS read_initrd(struct boot *boot, struct initrd *initrd);
/* Where Linux looks for it (its Documentation/admin-guide/efi-stub.rst and
 * Documentation/arch/x86/boot.rst). */
EFI_STATUS offer_initrd(struct boot *boot, struct initrd *initrd);
/* Takes the offer back and frees the memory. */
void close_initrd(struct initrd *initrd);

#endif
