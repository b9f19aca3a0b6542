#pragma once

// The public keys of this process, by FATE's bytes of them: copies that come out of pickles share
// tables and checks. The last few stay when nobody holds them. For holders of the interpreter's
// lock.

#include <deque>
#include <map>
#include <memory>
#include <string>

namespace fate::python {

template <typename Key>
class KeyRegistry {
 public:
  static KeyRegistry& Global() {
    static auto& registry = *new KeyRegistry;
    return registry;
  }

  // Null when it is not known.
  std::shared_ptr<Key> Find(const std::string& bytes) {
    const auto found = keys_.find(bytes);
    std::shared_ptr<Key> key = found == keys_.end() ? nullptr : found->second.lock();
    if (key) Keep(key);
    return key;
  }

  void Add(const std::string& bytes, const std::shared_ptr<Key>& key) {
    std::erase_if(keys_, [](const auto& entry) { return entry.second.expired(); });
    keys_[bytes] = key;
    Keep(key);
  }

 private:
  static constexpr size_t kKept = 4;

  void Keep(const std::shared_ptr<Key>& key) {
    std::erase(recent_, key);
    recent_.push_back(key);
    if (recent_.size() > kKept) recent_.pop_front();
  }

  std::map<std::string, std::weak_ptr<Key>> keys_;
  std::deque<std::shared_ptr<Key>> recent_;
};

}  // namespace fate::python
