// A driver for pcscd: vpcd's, with a PIN pad and properties added. It is linked with vpcd's, which has all
// the rest.
//
// What its user is going to type comes as an escape command (SCARD_CTL_CODE(1)): PINs, each with a zero
// behind it; nothing at all: the user cancels. The structures are those of pcsc-lite's own <reader.h>.
#include <arpa/inet.h>
#include <ifdhandler.h>
#include <pcsclite.h>
#include <reader.h>
#include <string.h>

#define CODE(feature) SCARD_CTL_CODE(0x330000 + (feature))

static char typed[64];
static size_t typed_length;

static const unsigned char properties[] = {
    PCSCv2_PART10_PROPERTY_wLcdLayout,
    2,
    16,
    2,
    PCSCv2_PART10_PROPERTY_bEntryValidationCondition,
    1,
    7,
    PCSCv2_PART10_PROPERTY_bMinPINSize,
    1,
    4,
    PCSCv2_PART10_PROPERTY_bMaxPINSize,
    1,
    12,
    PCSCv2_PART10_PROPERTY_sFirmwareID,
    3,
    '1',
    '.',
    '0',
    PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize,
    4,
    0,
    0,
    1,
    0,
};

static RESPONSECODE Give(const void* bytes, size_t length, PUCHAR answer, DWORD room, LPDWORD given) {
  if (length > room) return IFD_ERROR_INSUFFICIENT_BUFFER;
  memcpy(answer, bytes, length);
  *given = length;
  return IFD_SUCCESS;
}

static RESPONSECODE GiveStatus(unsigned status, PUCHAR answer, DWORD room, LPDWORD given) {
  const unsigned char bytes[] = {status >> 8, status & 0xff};
  return Give(bytes, sizeof bytes, answer, room, given);
}

static void SetBits(unsigned char* bytes, size_t position, size_t count, unsigned value) {
  for (size_t i = 0; i < count; ++i) {
    const size_t bit = position + i;
    const unsigned char mask = 0x80 >> (bit % 8);
    if ((value >> (count - 1 - i)) & 1) {
      bytes[bit / 8] |= mask;
    } else {
      bytes[bit / 8] &= ~mask;
    }
  }
}

// Writes a PIN into the block that starts `at` bytes into the command's data.
static void Enter(unsigned char* data, size_t at, unsigned format, unsigned block, unsigned length_format,
                  const char* pin) {
  const size_t digits = strlen(pin);
  const size_t width = (format & 3) == 1 ? 4 : 8;
  const size_t offset = (format >> 3) & 15;
  size_t position = 8 * at + (format & 0x80 ? 8 * offset : offset);
  if (format & 4) position += 8 * (block & 15) - width * digits;
  for (size_t i = 0; i < digits; ++i) {
    const unsigned value = (format & 3) == 2 ? (unsigned)pin[i] : (unsigned)(pin[i] - '0');
    SetBits(data, position + width * i, width, value);
  }
  const size_t length_at = length_format & 15;
  SetBits(data, length_format & 0x10 ? 8 * length_at : length_at, block >> 4, digits);
}

static const char* NextPin(const char* pin) {
  return pin + strlen(pin) + 1;
}

static int Fits(const char* pin, unsigned limits) {
  return strlen(pin) >= limits >> 8 && strlen(pin) <= (limits & 0xff);
}

static RESPONSECODE Send(DWORD lun, unsigned char* apdu, DWORD length, PUCHAR answer, DWORD room,
                         LPDWORD given) {
  SCARD_IO_HEADER pci = {1, sizeof pci};
  *given = room;
  return IFDHTransmitToICC(lun, pci, apdu, length, answer, given, &pci);
}

RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR input, DWORD length, PUCHAR answer, DWORD room,
                         LPDWORD given) {
  *given = 0;
  switch (code) {
    case CM_IOCTL_GET_FEATURE_REQUEST: {
      const unsigned char features[] = {FEATURE_VERIFY_PIN_DIRECT, FEATURE_MODIFY_PIN_DIRECT,
                                        FEATURE_GET_TLV_PROPERTIES};
      PCSC_TLV_STRUCTURE list[sizeof features];
      for (size_t i = 0; i < sizeof features; ++i) {
        list[i].tag = features[i];
        list[i].length = 4;
        list[i].value = htonl(CODE(features[i]));
      }
      return Give(list, sizeof list, answer, room, given);
    }
    case CODE(FEATURE_GET_TLV_PROPERTIES):
      return Give(properties, sizeof properties, answer, room, given);
    case SCARD_CTL_CODE(1):
      if (length >= sizeof typed) return IFD_COMMUNICATION_ERROR;
      memset(typed, 0, sizeof typed);
      memcpy(typed, input, length);
      typed_length = length;
      return IFD_SUCCESS;
    case CODE(FEATURE_VERIFY_PIN_DIRECT): {
      PIN_VERIFY_STRUCTURE* pin = (PIN_VERIFY_STRUCTURE*)input;
      if (length != sizeof *pin + pin->ulDataLength) return GiveStatus(0x6b80, answer, room, given);
      if (typed_length == 0) return GiveStatus(0x6401, answer, room, given);
      if (!Fits(typed, pin->wPINMaxExtraDigit)) return GiveStatus(0x6403, answer, room, given);
      unsigned char* apdu = input + sizeof *pin;
      Enter(apdu + 5, 0, pin->bmFormatString, pin->bmPINBlockString, pin->bmPINLengthFormat, typed);
      return Send(lun, apdu, pin->ulDataLength, answer, room, given);
    }
    case CODE(FEATURE_MODIFY_PIN_DIRECT): {
      PIN_MODIFY_STRUCTURE* pin = (PIN_MODIFY_STRUCTURE*)input;
      if (length != sizeof *pin + pin->ulDataLength) return GiveStatus(0x6b80, answer, room, given);
      if (typed_length == 0) return GiveStatus(0x6401, answer, room, given);
      unsigned char* apdu = input + sizeof *pin;
      const char* next = typed;
      if (pin->bConfirmPIN & 2) {
        Enter(apdu + 5, pin->bInsertionOffsetOld, pin->bmFormatString, pin->bmPINBlockString,
              pin->bmPINLengthFormat, next);
        next = NextPin(next);
      }
      if (!Fits(next, pin->wPINMaxExtraDigit)) return GiveStatus(0x6403, answer, room, given);
      if ((pin->bConfirmPIN & 1) && strcmp(next, NextPin(next)) != 0) {
        return GiveStatus(0x6402, answer, room, given);
      }
      Enter(apdu + 5, pin->bInsertionOffsetNew, pin->bmFormatString, pin->bmPINBlockString,
            pin->bmPINLengthFormat, next);
      return Send(lun, apdu, pin->ulDataLength, answer, room, given);
    }
    default:
      return IFD_ERROR_NOT_SUPPORTED;
  }
}
