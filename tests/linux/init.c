/* The first and only process of the Linux that a test boots: says what the kernel was told, what
 * the second initrd holds and what the loader's variables say, and turns the machine off. It stands
 * alone: Linux' system calls (their numbers are those of x86-64) and nothing else. */
#include <stddef.h>

#define SYS_READ   0
#define SYS_WRITE  1
#define SYS_OPEN   2
#define SYS_MOUNT  165
#define SYS_REBOOT 169
#define SYS_MODULE 313 /* finit_module */

#define VENDOR "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

#define REBOOT_MAGIC     0xfee1dead
#define REBOOT_MAGIC_2   672274793
#define REBOOT_POWER_OFF 0x4321fedc

static long call(long number, const void *a, const void *b, const void *c, long d)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static void say(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    call(SYS_WRITE, (void *)1, text, (void *)length, 0);
}

/* The file's first bytes, or none. */
static void say_file(const char *name, const char *path)
{
    static char buffer[8192];
    long file = call(SYS_OPEN, path, 0, 0, 0);
    long length = file < 0 ? 0 : call(SYS_READ, (void *)file, buffer, (void *)sizeof(buffer), 0);

    say(name);
    call(SYS_WRITE, (void *)1, buffer, (void *)(length < 0 ? 0 : length), 0);
    say("\n");
}

/* What efivarfs shows: 4 bytes of attributes, then UTF-16. */
static void say_variable(const char *name, const char *path)
{
    static char buffer[1024];
    long file = call(SYS_OPEN, path, 0, 0, 0);
    long length = file < 0 ? 0 : call(SYS_READ, (void *)file, buffer, (void *)sizeof(buffer), 0);

    say(name);
    for (long i = 4; i + 1 < length && buffer[i] != '\0'; i += 2) {
        char text[] = {buffer[i], '\0'};
        say(text);
    }
    say("\n");
}

static void say_variables(void)
{
    long file = call(SYS_OPEN, "/efivarfs.ko", 0, 0, 0);

    call(SYS_MODULE, (void *)file, "", 0, 0);
    call(SYS_MOUNT, "efivarfs", "/efi", "efivarfs", 0);
    say_variable("init: LoaderInfo: ", "/efi/LoaderInfo" VENDOR);
    say_variable("init: LoaderEntrySelected: ", "/efi/LoaderEntrySelected" VENDOR);
    say_variable("init: LoaderImageIdentifier: ", "/efi/LoaderImageIdentifier" VENDOR);
    say_variable("init: LoaderTimeExecUSec: ", "/efi/LoaderTimeExecUSec" VENDOR);
}

__attribute__((noreturn)) void _start(void);

void _start(void)
{
    say("\ninit: started\n");
    call(SYS_MOUNT, "proc", "/proc", "proc", 0);
    say_file("init: command line: ", "/proc/cmdline");
    say_file("init: second initrd: ", "/second");
    say_variables();
    say("init: end\n");
    call(SYS_REBOOT, (void *)REBOOT_MAGIC, (void *)REBOOT_MAGIC_2, (void *)REBOOT_POWER_OFF, 0);
    for (;;)
        continue;
}
