#include "base/encoding.h"
#include "found_text.h"
#include "pki/issued.h"

#include <doctest/doctest.h>

namespace everseal::discover {
namespace {

using namespace testing;
using pki::KeyType;

std::string encoded(std::string_view text) { return base::base64(base::as_bytes(text)); }

struct ClusterFiles {
  pki::testing::Authority root = pki::testing::make_root();
  const pki::PrivateKey& key = pki::testing::key_of(KeyType::ecdsa_p256, 7);
  pki::Certificate leaf = pki::testing::issue(pki::testing::server_template("www.example.org", key), root);
  std::string ca = encoded(root.certificate.pem());
  std::string certificate = encoded(leaf.pem());
  std::string secret_key = encoded(key.pem().reveal_text());
};

const ClusterFiles& cluster_files() {
  static const ClusterFiles made;
  return made;
}

std::string kubeconfig() {
  return "apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://10.0.0.1\n"
         "    certificate-authority-data: " +
         cluster_files().ca + "\nusers:\n- user:\n    client-certificate-data: " + cluster_files().certificate +
         "\n    client-key-data: " + cluster_files().secret_key + "\n  name: admin\n";
}

std::string secret(const std::string& certificate) {
  return "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata:\n  name: web\n  namespace: shop\ndata:\n"
         "  ca.crt: " +
         cluster_files().ca + "\n  tls.crt: " + certificate + "\n  tls.key: " + cluster_files().secret_key + "\n";
}

TEST_CASE("a kubeconfig gives the certificates of clusters and users") {
  CHECK(contents_of(kubeconfig()) == "kubeconfig: 1 clusters.prod=Root/other, 2 users.admin=www.example.org/matches");
  const std::string json = "{\"apiVersion\": \"v1\", \"clusters\": [{\"cluster\": {\"certificate-authority-data\": \"" +
                           cluster_files().ca + "\"}, \"name\": \"prod\"}]}";
  CHECK(contents_of(json) == "kubeconfig: 1 clusters.prod=Root");
}

TEST_CASE("manifests of Secrets give what stands in them, in several documents, lists and forms") {
  const ClusterFiles& m = cluster_files();
  const std::string found = "secret: 1 shop/web:ca.crt=Root/other, 2 shop/web:tls.crt=www.example.org/matches";
  CHECK(contents_of(secret(m.certificate)) == found);
  CHECK(contents_of("---\napiVersion: v1\nkind: Service\n---\n" + secret(m.certificate) + "---\n") == found);
  CHECK(contents_of("apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  metadata: {name: a}\n  data: {x: " +
                    m.certificate + "}\n") == "secret: 1 a:x=www.example.org");
  std::string indented = m.leaf.pem();
  for (std::size_t at = 0; (at = indented.find('\n', at)) != std::string::npos; at += 5)
    indented.replace(at, 1, "\n    ");
  CHECK(contents_of("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  x: |\n    " + indented +
                    "\n") == "secret: 1 a:x=www.example.org");
  CHECK(contents_of("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kube-root-ca.crt\ndata:\n  x: |\n    " +
                    indented + "\n") == "secret: 1 kube-root-ca.crt:x=www.example.org");
  // Base64 over lines, and a container in a container.
  CHECK(contents_of("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  x.der: " +
                    base::base64(m.leaf.der()).insert(100, "\n    ") + "\n") == "secret: 1 a:x.der=www.example.org");
}

TEST_CASE("what is damaged in a manifest is told, and what is none is read as anything else") {
  const ClusterFiles& m = cluster_files();
  CHECK(contents_of(secret("'?'")) == "secret: 1 shop/web:ca.crt=Root/other; broken");
  CHECK(contents_of(secret(encoded(m.leaf.pem().substr(0, 200)))) == "secret: 1 shop/web:ca.crt=Root/other; truncated");
  CHECK(contents_of(secret(encoded("hello"))) == "secret: 1 shop/web:ca.crt=Root/other");
  CHECK(contents_of(kubeconfig() + "}") ==
        "kubeconfig: 1 clusters.prod=Root/other, 2 users.admin=www.example.org/matches; broken");
  // No YAML at all, but PEM.
  CHECK(contents_of("apiVersion: {{ x }}: Secret\n" + m.leaf.pem()) == "pem: 1 www.example.org");
  CHECK(contents_of("apiVersion: v1\nkind: Secret\n") == "none: ");
  CHECK(contents_of("apiVersion: v1\nkind: Secret\ndata: [a, b]\nmetadata: text\n") == "none: ");
}

TEST_CASE("YAML that is deep, or refers to itself a thousand million times, costs nothing") {
  const std::string head = "apiVersion: v1\nkind: Secret\n";
  CHECK(contents_of(head + "data: " + std::string(1'000'000, '[')) == "none: ");
  CHECK(contents_of(head + "data: " + std::string(1'000'000, '{')) == "none: ");
  std::string laughs = head + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    laughs += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 9; ++j) laughs += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    laughs += "]\n";
  }
  laughs += "metadata: {name: a}\ndata: {<<: *a29, x: " + cluster_files().certificate + ", *a1 : y, z: *a2}\n";
  CHECK(contents_of(laughs) == "secret: 1 a:x=www.example.org");
  std::string indented = head;
  for (int i = 0; i < 2'000; ++i) indented += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(contents_of(indented) == "none: ");
}

TEST_CASE("manifests that are damaged anywhere are survived") {
  survive_damage(base::as_bytes("apiVersion: v1\nkind: Secret\nmetadata: {name: &x \"a\"}\ndata:\n  x: " +
                                cluster_files().certificate.substr(0, 60) + "\n  y: !!str 'z'\n- *x\n"));
}

}  // namespace
}  // namespace everseal::discover
