#include "pki/asn1.h"

#include "pki/attribute.h"

#include <array>
#include <ctime>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

namespace everseal::pki {
namespace {

using base::Error;
using base::Fault;

struct AttributeValue {
  std::string text;
  enum class Form { string, hex } form;
};

AttributeValue hex_value(const ASN1_STRING* string) {
  const base::Handle<ASN1_TYPE, ASN1_TYPE_free> any(ASN1_TYPE_new());
  if (!any || ASN1_TYPE_set1(any.get(), ASN1_STRING_type(string), string) != 1)
    throw_openssl(Fault::internal, "cannot copy a value of a name");
  return {"#" + base::hex(encode_der(any.get(), i2d_ASN1_TYPE)), AttributeValue::Form::hex};
}

AttributeValue value_of(const X509_NAME_ENTRY* entry) {
  const ASN1_STRING* string = X509_NAME_ENTRY_get_data(entry);
  switch (ASN1_STRING_type(string)) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_VISIBLESTRING:
    case V_ASN1_NUMERICSTRING:
      return {std::string(base::as_text(octets_of(string))), AttributeValue::Form::string};
    case V_ASN1_T61STRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UNIVERSALSTRING: {
      unsigned char* utf8 = nullptr;
      const int size = ASN1_STRING_to_UTF8(&utf8, string);
      if (size < 0) return hex_value(string);
      AttributeValue value{{reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)},
                           AttributeValue::Form::string};
      OPENSSL_free(utf8);
      return value;
    }
    default:
      return hex_value(string);
  }
}

std::string attribute_name(const X509_NAME_ENTRY* entry) {
  std::string oid = oid_text(X509_NAME_ENTRY_get_object(entry));
  const Attribute* known = find_attribute_by_oid(oid);
  return known != nullptr ? std::string(known->name) : oid;
}

// RFC 4514 section 2.4, but for control characters.
void append_escaped(std::string& out, std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool special = std::string_view("\",+;<>\\").find(c) != std::string_view::npos;
    const bool leading = i == 0 && (c == ' ' || c == '#');
    const bool trailing = i + 1 == value.size() && c == ' ';
    if (special || leading || trailing) out += '\\';
    out += c;
  }
}

int string_type(Attribute::Text text) noexcept {
  switch (text) {
    case Attribute::Text::utf8:
      return V_ASN1_UTF8STRING;
    case Attribute::Text::ia5:
      return V_ASN1_IA5STRING;
    case Attribute::Text::printable:
    case Attribute::Text::country:
      break;
  }
  return V_ASN1_PRINTABLESTRING;
}

GeneralName ip_name(base::BytesView octets) {
  if (octets.size() != 4 && octets.size() != 16) return {GeneralName::Kind::other, base::Untrusted("iPAddress")};
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text.data(), text.size());
  return {GeneralName::Kind::ip, base::Untrusted(text.data())};
}

GeneralName to_general_name(const GENERAL_NAME* name) {
  using Kind = GeneralName::Kind;
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(name, &type);
  const auto text = [value] {
    return base::Untrusted(std::string(base::as_text(octets_of(static_cast<const ASN1_STRING*>(value)))));
  };
  switch (type) {
    case GEN_DNS:
      return {Kind::dns, text()};
    case GEN_EMAIL:
      return {Kind::email, text()};
    case GEN_URI:
      return {Kind::uri, text()};
    case GEN_IPADD:
      return ip_name(octets_of(static_cast<const ASN1_STRING*>(value)));
    case GEN_DIRNAME:
      return {Kind::directory, name_text(static_cast<const X509_NAME*>(value))};
    case GEN_RID:
      return {Kind::other, base::Untrusted("registeredID " + oid_text(static_cast<const ASN1_OBJECT*>(value)))};
    case GEN_OTHERNAME:
      return {Kind::other, base::Untrusted(oid_text(static_cast<const OTHERNAME*>(value)->type_id))};
    case GEN_X400:
      return {Kind::other, base::Untrusted("x400Address")};
    default:
      return {Kind::other, base::Untrusted("ediPartyName")};
  }
}

int native_type(IdentifierKind kind) noexcept {
  switch (kind) {
    case IdentifierKind::dns:
      return GEN_DNS;
    case IdentifierKind::ip:
      return GEN_IPADD;
    case IdentifierKind::email:
      return GEN_EMAIL;
    case IdentifierKind::uri:
      break;
  }
  return GEN_URI;
}

}  // namespace

std::string oid_text(const ASN1_OBJECT* object) {
  std::array<char, 128> buffer{};
  const int size = OBJ_obj2txt(buffer.data(), static_cast<int>(buffer.size()), object, 1);
  if (size < static_cast<int>(buffer.size())) return buffer.data();
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  OBJ_obj2txt(text.data(), size + 1, object, 1);
  text.pop_back();
  return text;
}

std::optional<base::Time> to_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{year{parts.tm_year + 1900}, month{static_cast<unsigned>(parts.tm_mon) + 1},
                            day{static_cast<unsigned>(parts.tm_mday)}};
  if (!date.ok()) return std::nullopt;
  return base::Time(sys_days(date)) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::string serial_text(const ASN1_INTEGER* serial) {
  std::string text = base::hex(octets_of(serial));
  if (text.empty()) text = "00";
  return (ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 ? "-" + text : text;
}

base::Untrusted name_text(const X509_NAME* name) {
  std::string text;
  int last_set = -1;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int set = X509_NAME_ENTRY_set(entry);
    if (i > 0) text += set == last_set ? "+" : ", ";
    last_set = set;
    text.append(attribute_name(entry)).append("=");
    const AttributeValue value = value_of(entry);
    if (value.form == AttributeValue::Form::hex)
      text += value.text;
    else
      append_escaped(text, value.text);
  }
  return base::Untrusted(std::move(text));
}

DistinguishedName to_distinguished_name(const X509_NAME* name) {
  DistinguishedName result;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    result.rdns.emplace_back(attribute_name(entry), value_of(entry).text);
  }
  return result;
}

X509NameHandle to_x509_name(const DistinguishedName& name) {
  ERR_clear_error();
  X509NameHandle native(X509_NAME_new());
  if (!native) throw_openssl(Fault::internal, "cannot make a name");
  for (const auto& [key, value] : name.rdns) {
    const Attribute* attribute = find_attribute(key);
    if (attribute == nullptr)
      throw Error(Fault::invalid, fmt::format("the subject holds the unknown attribute {}", base::printable(key)));
    if (const auto rule = broken_rule(*attribute, value))
      throw Error(Fault::invalid, fmt::format("the subject's {} cannot be used: {}", attribute->name, *rule));
    const Asn1ObjectHandle object(OBJ_txt2obj(attribute->oid, 1));
    if (!object || X509_NAME_add_entry_by_OBJ(native.get(), object.get(), string_type(attribute->text),
                                              reinterpret_cast<const unsigned char*>(value.data()),
                                              static_cast<int>(value.size()), -1, 0) != 1)
      throw_openssl(Fault::internal, "cannot make a name");
  }
  return native;
}

std::vector<GeneralName> to_general_names(const GENERAL_NAMES* names) {
  std::vector<GeneralName> result;
  const int count = sk_GENERAL_NAME_num(names);
  result.reserve(static_cast<std::size_t>(count > 0 ? count : 0));
  for (int i = 0; i < count; ++i) result.push_back(to_general_name(sk_GENERAL_NAME_value(names, i)));
  return result;
}

GeneralNamesHandle to_native_names(std::span<const Identifier> identifiers) {
  GeneralNamesHandle names(sk_GENERAL_NAME_new_reserve(nullptr, static_cast<int>(identifiers.size())));
  for (const Identifier& identifier : identifiers) {
    const bool ip = identifier.kind() == IdentifierKind::ip;
    const base::Bytes octets = ip ? identifier.ip_octets() : base::to_bytes(identifier.text());
    base::Handle<ASN1_STRING, ASN1_STRING_free> string(
        ASN1_STRING_type_new(ip ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING));
    base::Handle<GENERAL_NAME, GENERAL_NAME_free> name(GENERAL_NAME_new());
    if (!names || !string || !name ||
        ASN1_STRING_set(string.get(), octets.data(), static_cast<int>(octets.size())) != 1)
      throw_openssl(Fault::internal, "cannot make a subject alternative name");
    GENERAL_NAME_set0_value(name.get(), native_type(identifier.kind()), string.release());
    if (sk_GENERAL_NAME_push(names.get(), name.get()) == 0)
      throw_openssl(Fault::internal, "cannot make a subject alternative name");
    name.release();  // owned by `names` now
  }
  return names;
}

}  // namespace everseal::pki
