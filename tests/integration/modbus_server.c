/* A Modbus I/O module made with libmodbus: 256 contacts, coils, input and holding registers.
   Arguments: a port (TCP), or a serial device and a unit (RTU). Prints "ready". Standard input: "di N V", "ir N V", "do N V" set a value; it answers "ok".
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
  if (argc < 2 || argc > 3) return 2;
  int serial = argc == 3;
  modbus_t *context = serial ? modbus_new_rtu(argv[1], 9600, 'N', 8, 1) : modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  modbus_mapping_t *map = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
  if (!context || !map) return 3;
  if (serial && (modbus_set_slave(context, atoi(argv[2])) || modbus_connect(context))) return 3;
  int listener = serial ? modbus_get_socket(context) : modbus_tcp_listen(context, 8);
  if (listener < 0) return 3;
  int header = modbus_get_header_length(context);
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
      } else if (fd == listener && !serial) {
        int client = modbus_tcp_accept(context, &listener);
        if (client < 0) continue;
        FD_SET(client, &all);
        if (client > highest) highest = client;
      } else {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        if (!serial) modbus_set_socket(context, fd);
        int length = modbus_receive(context, query);
        if (length > 0) {
          modbus_reply(context, query, length, map);
          uint8_t *pdu = query + header;
          if (pdu[0] == 5) {
            printf("wrote %d %d\n", pdu[1] << 8 | pdu[2], pdu[3] != 0);
            fflush(stdout);
          }
        } else if (length < 0 && !serial) {
          close(fd);
          FD_CLR(fd, &all);
        }
      }
    }
  }
}
