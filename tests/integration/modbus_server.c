/* A Modbus TCP I/O module made with libmodbus: 32 contacts, coils, input and holding registers.
   Arguments: port. Prints "ready". Standard input: "di N V", "ir N V", "do N V" set a value; it answers "ok".
   Every coil written over the network is told as "wrote N V". Ends with end of input. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#define SIZE 256

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  modbus_t *context = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  modbus_mapping_t *map = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
  int listener = modbus_tcp_listen(context, 8);
  if (listener < 0 || !map) return 3;
  puts("ready");
  fflush(stdout);
  fd_set all;
  FD_ZERO(&all);
  FD_SET(0, &all);
  FD_SET(listener, &all);
  int highest = listener;
  for (;;) {
    fd_set ready = all;
    if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) return 4;
    for (int fd = 0; fd <= highest; fd++) {
      if (!FD_ISSET(fd, &ready)) continue;
      if (fd == 0) {
        char line[64], table[8];
        int number, value;
        ssize_t got = 0;
        while (got < (ssize_t)sizeof line - 1) { /* one line at a time, unbuffered: select must see the next */
          if (read(0, line + got, 1) != 1) return 0;
          if (line[got++] == '\n') break;
        }
        line[got] = 0;
        if (sscanf(line, "%7s %d %d", table, &number, &value) != 3 || number < 0 || number >= SIZE) return 5;
        if (!strcmp(table, "di")) map->tab_input_bits[number] = value;
        else if (!strcmp(table, "do")) map->tab_bits[number] = value;
        else if (!strcmp(table, "ir")) map->tab_input_registers[number] = value;
        else return 5;
        puts("ok");
        fflush(stdout);
      } else if (fd == listener) {
        int client = modbus_tcp_accept(context, &listener);
        if (client < 0) continue;
        FD_SET(client, &all);
        if (client > highest) highest = client;
      } else {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        modbus_set_socket(context, fd);
        int length = modbus_receive(context, query);
        if (length > 0) {
          modbus_reply(context, query, length, map);
          if (query[7] == 5) {
            printf("wrote %d %d\n", query[8] << 8 | query[9], query[10] != 0);
            fflush(stdout);
          }
        } else if (length < 0) {
          close(fd);
          FD_CLR(fd, &all);
        }
      }
    }
  }
}
