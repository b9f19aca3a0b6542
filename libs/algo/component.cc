#include "algo/component.h"

namespace fate::algo {

void ComponentRegistry::Add(Component component) {
  std::string name = component.name;
  components_[name] = std::move(component);
}

const Component* ComponentRegistry::Find(const std::string& name) const {
  auto it = components_.find(name);
  return it == components_.end() ? nullptr : &it->second;
}

std::vector<std::string> ComponentRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, component] : components_) names.push_back(name);
  return names;
}

}  // namespace fate::algo
