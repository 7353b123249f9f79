/* onepacket.c - the TUN loop of a first program: a packet is read, looked at, and written back.
 *
 *     onepacket NAME    the device; ends with its standard input
 *
 * What the tunnel of pktmod is compared with: it does nothing to packets but look for a word. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char word[] = "010123"; /* as the rules of live_tunnel.py */

int main(int argc, char **argv)
{
    static char packet[65536];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    unsigned long found = 0;
    int fd = open("/dev/net/tun", O_RDWR);
    if (argc != 2 || strlen(argv[1]) >= sizeof request.ifr_name || fd < 0)
        return 1;
    memcpy(request.ifr_name, argv[1], strlen(argv[1]));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        perror("onepacket");
        return 1;
    }
    for (;;) {
        ssize_t len = read(fd, packet, sizeof packet);
        if (len <= 0)
            return 1;
        found += memmem(packet, (size_t)len, word, sizeof word - 1) != NULL;
        if (write(fd, packet, (size_t)len) < 0 && found == 0)
            return 1;
    }
}
