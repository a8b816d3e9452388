// What Swift can't call of libmicrohttpd: its variadic functions.
#pragma once
#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

// MHD_start_daemon with its options in an array that ends with MHD_OPTION_END.
struct MHD_Daemon *manta_start_daemon(unsigned int flags, MHD_AccessHandlerCallback handler, void *context,
                                      struct MHD_OptionItem *options);

// MHD_get_connection_info: what NOTIFY_CONNECTION stored, the socket, and the client's address.
void *manta_socket_context(struct MHD_Connection *connection);
int manta_socket(struct MHD_Connection *connection);
const struct sockaddr *manta_client_address(struct MHD_Connection *connection);
