#include "pki/tbs.h"

#include "base/error.h"
#include "pki/digest.h"

#include <chrono>
#include <string>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

constexpr std::uint8_t kEcdsaSha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr std::uint8_t kEcdsaSha384[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
constexpr std::uint8_t kRsaSha256[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};
constexpr std::uint8_t kEd25519[] = {0x2b, 0x65, 0x70};
constexpr std::uint8_t kAuthorityKeyId[] = {0x55, 0x1d, 0x23};

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9')
      throw base::Error(base::Fault::invalid, "a time with something else than digits");
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

void write_time(der::Writer& out, base::Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const int year = static_cast<int>(date.year());
  if (year < 0 || year > 9999) throw base::Error(base::Fault::invalid, "a time outside the years 0 to 9999");
  const bool utc = year >= 1950 && year <= 2049;
  const std::string text = fmt::format("{:0{}}{:02}{:02}{:02}{:02}{:02}Z", utc ? year % 100 : year, utc ? 2 : 4,
                                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  out.text(utc ? der::kUtcTime : der::kGeneralizedTime, text);
}

base::Time read_time(const der::Element& element) {
  const std::string_view text = base::as_text(element.contents);
  const bool utc = element.tag == der::kUtcTime;
  if (!utc && element.tag != der::kGeneralizedTime)
    throw base::Error(base::Fault::invalid, "a time that is neither UTCTime nor GeneralizedTime");
  const std::size_t year_digits = utc ? 2 : 4;
  if (text.size() != year_digits + 11 || text.back() != 'Z')
    throw base::Error(base::Fault::invalid, "a time without seconds or \"Z\"");
  int year = digits(text, 0, year_digits);
  if (utc) year += year < 50 ? 2000 : 1900;
  const auto part = [&](std::size_t index) { return digits(text, year_digits + 2 * index, 2); };
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(part(0))),
                                         std::chrono::day(static_cast<unsigned>(part(1)))};
  if (!date.ok() || part(2) > 23 || part(3) > 59 || part(4) > 59)
    throw base::Error(base::Fault::invalid, "a time that does not exist");
  return std::chrono::sys_days(date) + std::chrono::hours(part(2)) + std::chrono::minutes(part(3)) +
         std::chrono::seconds(part(4));
}

void write_authority_key_id(der::Writer& out, base::BytesView key_id) {
  write_extension(out, kAuthorityKeyId, Critical::no,
                  [&] { out.nest(der::kSequence, [&] { out.value(der::context(0), key_id); }); });
}

void write_signature_algorithm(der::Writer& out, KeyType type) {
  out.nest(der::kSequence, [&] {
    switch (type) {
      case KeyType::ecdsa_p256:
        out.value(der::kObjectId, kEcdsaSha256);
        break;
      case KeyType::ecdsa_p384:
        out.value(der::kObjectId, kEcdsaSha384);
        break;
      case KeyType::ed25519:
        out.value(der::kObjectId, kEd25519);
        break;
      case KeyType::rsa_2048:
      case KeyType::rsa_3072:
      case KeyType::rsa_4096:
        out.value(der::kObjectId, kRsaSha256);
        out.value(der::kNull, {});
        break;
    }
  });
}

base::Bytes sign_tbs(base::BytesView tbs, const Signer& key) {
  const base::Bytes signature = key.sign(tbs);
  der::Writer out(tbs.size() + signature.size() + 32);
  out.nest(der::kSequence, [&] {
    out.raw(tbs);
    write_signature_algorithm(out, key.type());
    out.bit_string(signature);
  });
  return std::move(out).take();
}

base::Bytes derive_key_id(base::BytesView public_key_info) {
  return base::within("public key", [&] {
    der::Reader outer(public_key_info);
    der::Reader inner(outer.expect(der::kSequence).contents);
    outer.end();
    inner.expect(der::kSequence);
    const der::Element key = inner.expect(der::kBitString);
    inner.end();
    if (key.contents.size() < 2 || key.contents[0] != 0)
      throw base::Error(base::Fault::invalid, "its bits are not whole octets");
    const Sha256 digest = sha256(key.contents.subspan(1));
    return base::Bytes(digest.begin(), digest.begin() + 20);
  });
}

base::Bytes issuer_key_id(const Certificate& issuer) {
  base::Bytes id = issuer.subject_key_id();
  return id.empty() ? derive_key_id(issuer.public_key_info()) : id;
}

}  // namespace everseal::pki
