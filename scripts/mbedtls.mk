# mbedTLS for the agent: the parts of its library that native/agent/mbedtls_config.h turns on. Included by the makefiles
# that build the agent, which say with what: CC, MBEDTLS_CFLAGS, and MBEDTLS_OUT, where the objects go. Gives
# mbedtls_objects, and mbedtls_cppflags for what includes its headers.
mbedtls := $(shell scripts/mbedtls)
ifeq ($(mbedtls),)
$(error scripts/mbedtls found none)
endif
mbedtls_parts := bignum chacha20 chachapoly cipher cipher_wrap constant_time ecdh ecp ecp_curves entropy entropy_poll \
  hmac_drbg md platform_util poly1305 sha256 ssl_ciphersuites ssl_cli ssl_msg ssl_tls
mbedtls_objects := $(mbedtls_parts:%=$(MBEDTLS_OUT)/%.o)
# As system headers: our warnings are for our code.
mbedtls_cppflags := -isystem $(mbedtls)/include -DMBEDTLS_CONFIG_FILE='"agent/mbedtls_config.h"'

$(MBEDTLS_OUT)/%.o: $(mbedtls)/library/%.c native/agent/mbedtls_config.h scripts/mbedtls.mk
	@mkdir -p $(@D)
	$(CC) -Inative $(mbedtls_cppflags) $(MBEDTLS_CFLAGS) -c -o $@ $<
