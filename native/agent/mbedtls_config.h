// The compiled parts of mbedTLS: a client of TLS 1.2 with ECDHE-PSK and ChaCha20-Poly1305 on X25519 or
// P-256, and their dependencies. No certificates, no other version, no renegotiation, no resumption.
#pragma once

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED

// mbedTLS requires this on Windows; it is not used.
#define MBEDTLS_PLATFORM_C

#define MBEDTLS_BIGNUM_C
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_ECP_C
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED

#define MBEDTLS_CIPHER_C
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C

// Random numbers: the system's, through HMAC_DRBG, which unlike CTR_DRBG needs no AES.
#define MBEDTLS_ENTROPY_C
#define MBEDTLS_ENTROPY_FORCE_SHA256
#define MBEDTLS_HMAC_DRBG_C

#include <mbedtls/check_config.h>
