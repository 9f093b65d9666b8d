//! From documents to the flat plan.

use super::{Plan, PlanAsset, PlanEdge, PlanInput, PlanLink, PlanNode, PlanOutput, PlanValue};
use crate::assets::{Asset, AssetKey, AssetKind, Resolved};
use crate::document::{Link, Value};
use crate::validate::{Scope, Valid, arriving, bypass_source};
use petgraph::graph::{DiGraph, NodeIndex};
use selfsame_sdk::{InputPort, Literal, NodeDescriptor, Type};
use std::collections::{BTreeSet, HashMap, HashSet};

/// One use of a graph file: the root, or a sub-graph node.
struct Instance {
    document: usize,
    /// What stands before the ids of its nodes.
    prefix: String,
    /// The instance and node that use it.
    user: Option<(usize, usize)>,
}

/// A node of an instance, both by index.
type Place = (usize, usize);

/// Unfolds what is needed, from the results to what they are made of.
pub(super) struct Expansion<'v, 'a> {
    valid: &'v Valid<'a>,
    instances: Vec<Instance>,
    by_user: HashMap<Place, usize>,
    graph: DiGraph<PlanNode, PlanEdge>,
    by_place: HashMap<Place, NodeIndex>,
    /// The place of each node, by its index.
    places: Vec<Place>,
    ids: HashSet<String>,
    order: Vec<NodeIndex>,
    /// Those that stand in the order.
    done: HashSet<NodeIndex>,
    targets: BTreeSet<NodeIndex>,
    outputs: Vec<PlanOutput>,
}

impl<'v, 'a> Expansion<'v, 'a> {
    pub fn new(valid: &'v Valid<'a>) -> Self {
        Expansion {
            valid,
            instances: vec![Instance { document: 0, prefix: String::new(), user: None }],
            by_user: HashMap::new(),
            graph: DiGraph::new(),
            by_place: HashMap::new(),
            places: Vec::new(),
            ids: HashSet::new(),
            order: Vec::new(),
            done: HashSet::new(),
            targets: BTreeSet::new(),
            outputs: Vec::new(),
        }
    }

    /// Everything that the graph gives.
    pub fn all(&mut self) {
        self.run_for_effect(0);
        self.graph_outputs(0, None);
    }

    /// One target; false if there is none of this name.
    pub fn only(&mut self, name: &str) -> bool {
        let scope = self.scope(0);
        if let Some(&node) = scope.ids.get(name) {
            if scope.bypassed.contains(&node) {
                return false;
            }
            if scope.is_subgraph(node) {
                let inner = self.unfold(0, node);
                self.run_for_effect(inner);
                self.graph_outputs(inner, Some(name));
            } else {
                self.target((0, node));
            }
            return true;
        }
        if let Some(output) = scope.graph.outputs.iter().find(|output| output.name.value == name) {
            self.output(0, name.to_owned(), &output.link);
            return true;
        }
        let Some((id, output)) = name.rsplit_once('.') else { return false };
        let Some((node, port)) = self.locate(0, &Link::new(id, output)) else { return false };
        let value = self.link(0, node, port, None);
        self.output_value(name.to_owned(), value);
        true
    }

    pub fn finish(self) -> Plan {
        let targets = self.targets.into_iter().collect();
        let mut plan = Plan { graph: self.graph, order: self.order, targets, outputs: self.outputs };
        plan.mark_eager();
        plan
    }

    fn scope(&self, instance: usize) -> &'v Scope<'a> {
        &self.valid.scopes[self.instances[instance].document]
    }

    /// The output nodes of a graph, and of sub-graphs that are run for theirs, by id.
    fn run_for_effect(&mut self, instance: usize) {
        let mut found = Vec::new();
        self.output_nodes(instance, &mut found);
        found.sort();
        for (_, place) in found {
            self.target(place);
        }
    }

    /// Where the output nodes are, after their ids in the plan.
    fn output_nodes(&mut self, instance: usize, found: &mut Vec<(String, Place)>) {
        let scope = self.scope(instance);
        for (node, descriptor) in scope.descriptors.iter().enumerate() {
            let has_effect = descriptor.as_ref().is_some_and(|descriptor| descriptor.output_node);
            if !has_effect || scope.bypassed.contains(&node) {
                continue;
            }
            if scope.is_subgraph(node) {
                let inner = self.unfold(instance, node);
                self.output_nodes(inner, found);
            } else {
                found.push((self.full_id((instance, node)), (instance, node)));
            }
        }
    }

    fn graph_outputs(&mut self, instance: usize, before: Option<&str>) {
        let mut outputs: Vec<_> = self.scope(instance).graph.outputs.iter().collect();
        outputs.sort_by_key(|output| &output.name.value);
        for output in outputs {
            let name = before.map_or(output.name.value.clone(), |id| format!("{id}.{}", output.name.value));
            self.output(instance, name, &output.link);
        }
    }

    fn output(&mut self, instance: usize, name: String, link: &'v Link) {
        let found = self.locate(instance, link);
        let value = found.and_then(|(node, port)| self.link(instance, node, port, None));
        self.output_value(name, value);
    }

    fn output_value(&mut self, name: String, value: Option<PlanValue>) {
        for link in value.iter().flat_map(PlanValue::links) {
            self.visit(link.node);
        }
        self.outputs.push(PlanOutput { name, value });
    }

    fn target(&mut self, place: Place) {
        let node = self.node(place);
        self.targets.insert(node);
        self.visit(node);
    }

    /// The instance of the graph that a sub-graph node stands for.
    fn unfold(&mut self, instance: usize, node: usize) -> usize {
        if let Some(known) = self.by_user.get(&(instance, node)) {
            return *known;
        }
        let (document, prefix) = {
            let outer = &self.instances[instance];
            let used = self.valid.project.subgraph(outer.document, node);
            let id = &self.scope(instance).graph.nodes[node].id.value;
            (used.expect("validation found every sub-graph"), format!("{}{id}/", outer.prefix))
        };
        self.instances.push(Instance { document, prefix, user: Some((instance, node)) });
        self.by_user.insert((instance, node), self.instances.len() - 1);
        self.instances.len() - 1
    }

    /// The id of a node in the plan, if no other has it.
    fn full_id(&self, (instance, node): Place) -> String {
        format!("{}{}", self.instances[instance].prefix, self.scope(instance).graph.nodes[node].id.value)
    }

    fn descriptor(&self, (instance, node): Place) -> &'v NodeDescriptor {
        self.scope(instance).descriptors[node].as_ref().expect("validation found every node type")
    }

    /// The node of the plan for a place, without its inputs at first.
    fn node(&mut self, place: Place) -> NodeIndex {
        if let Some(known) = self.by_place.get(&place) {
            return *known;
        }
        let (scope, descriptor) = (self.scope(place.0), self.descriptor(place));
        let node = &scope.graph.nodes[place.1];
        let mut id = self.full_id(place);
        // A node of the root may be called `a/b` while a sub-graph `a` has a node `b`.
        while !self.ids.insert(id.clone()) {
            id.push('\'');
        }
        let index = self.graph.add_node(PlanNode {
            id,
            type_id: descriptor.id.clone(),
            type_name: descriptor.name.clone(),
            version: descriptor.version,
            inputs: Vec::new(),
            outputs: descriptor.outputs.iter().map(|output| output.name.clone()).collect(),
            eager: false,
            source: scope.source.clone(),
            span: node.id.span,
        });
        self.by_place.insert(place, index);
        self.places.push(place);
        index
    }

    /// Puts a node into the order after everything that it needs. Chains may be long, so this keeps its own stack.
    fn visit(&mut self, start: NodeIndex) {
        let mut stack = vec![(start, None::<std::vec::IntoIter<NodeIndex>>)];
        while let Some((node, needs)) = stack.last_mut() {
            let node = *node;
            if self.done.contains(&node) {
                stack.pop();
                continue;
            }
            let next = match needs {
                Some(needs) => needs.next(),
                None => {
                    let mut found = self.inputs(node).into_iter();
                    let next = found.next();
                    if let Some((_, needs)) = stack.last_mut() {
                        *needs = Some(found);
                    }
                    next
                }
            };
            match next {
                Some(needed) => stack.push((needed, None)),
                None => {
                    self.done.insert(node);
                    self.order.push(node);
                    stack.pop();
                }
            }
        }
    }

    /// Fills in the inputs of a node; gives the nodes that it needs, in the order of its inputs.
    fn inputs(&mut self, index: NodeIndex) -> Vec<NodeIndex> {
        let place = self.places[index.index()];
        let descriptor = self.descriptor(place);
        let mut needs = Vec::new();
        for (port_index, port) in descriptor.inputs.iter().enumerate() {
            let asset = AssetKind::of(&port.widget);
            let Some(value) = self.input(place, port, asset) else { continue };
            let asset = asset.map(|kind| PlanAsset {
                is_model: matches!(kind, AssetKind::Model(_)),
                written: self.input(place, port, None).unwrap_or_else(|| value.clone()),
            });
            for link in value.links() {
                let edge = PlanEdge { output: link.output, input: port_index, lazy: port.lazy };
                self.graph.add_edge(link.node, index, edge);
                needs.push(link.node);
            }
            self.graph[index].inputs.push(PlanInput { port: port_index, name: port.name.clone(), value, asset });
        }
        needs
    }

    /// What an input of a node comes to. `asset` says what the texts in it name, if they are to be resolved.
    fn input(&mut self, place: Place, port: &InputPort, asset: Option<AssetKind>) -> Option<PlanValue> {
        let given = self.given(place, port).and_then(|value| self.value(place.0, value, asset));
        // A default of the node type stands in no graph file.
        let value = given.or_else(|| Some(self.literal(port.default.as_ref()?, asset, None)))?;
        Some(converted(value, &port.value_type()))
    }

    /// What a node sets an input to, by its name or a former one.
    fn given(&self, (instance, node): Place, port: &InputPort) -> Option<&'v Value> {
        let inputs = &self.scope(instance).graph.nodes[node].inputs;
        let is_port = |name: &String| *name == port.name || port.aliases.contains(name);
        inputs.iter().find(|input| is_port(&input.name.value)).map(|input| &input.value)
    }

    /// What a value comes to. None if an optional argument is not set.
    fn value(&mut self, instance: usize, value: &'v Value, asset: Option<AssetKind>) -> Option<PlanValue> {
        let file = self.scope(instance).source.name();
        match value {
            Value::Literal(literal) => Some(self.literal(literal, asset, Some(file))),
            Value::List(items) => {
                let items = items.iter().filter_map(|item| self.value(instance, &item.value, asset)).collect();
                Some(PlanValue::List(items))
            }
            Value::Link(link) => {
                let (node, port) = self.locate(instance, link)?;
                self.link(instance, node, port, asset)
            }
            Value::Arg(name) => {
                let port = &self.scope(instance).args.get(&**name)?.port;
                let given = match self.instances[instance].user {
                    None => self.valid.args.get(name).map(|set| self.literal(set, asset, None)),
                    Some((outer, node)) => {
                        self.given((outer, node), port).and_then(|value| self.value(outer, value, asset))
                    }
                };
                let value = given.or_else(|| Some(self.literal(port.default.as_ref()?, asset, Some(file))))?;
                Some(converted(value, &port.value_type()))
            }
            Value::Unreadable => None,
        }
    }

    /// A literal that stands in `graph`, with what validation found for each name in it.
    fn literal(&self, literal: &Literal, asset: Option<AssetKind>, graph: Option<&str>) -> PlanValue {
        fn resolved(literal: &Literal, kind: AssetKind, graph: Option<&str>, found: &Resolved) -> Literal {
            match literal {
                Literal::Str(name) => {
                    let key = AssetKey::from(&Asset { kind, name, graph });
                    Literal::Str(found.get(&key).unwrap_or(name).clone())
                }
                Literal::List(items) => {
                    Literal::List(items.iter().map(|item| resolved(item, kind, graph, found)).collect())
                }
                other => other.clone(),
            }
        }
        PlanValue::Literal(match asset {
            Some(kind) => resolved(literal, kind, graph, &self.valid.resolved),
            None => literal.clone(),
        })
    }

    /// Where a link leads: the node and the present name of its output.
    fn locate(&self, instance: usize, link: &Link) -> Option<(usize, &'v str)> {
        let node = *self.scope(instance).ids.get(&*link.node.value)?;
        let output = self.descriptor((instance, node)).output_named(&link.output.value)?;
        Some((node, &output.name))
    }

    /// What an output gives, through bypassed nodes and into sub-graphs. Chains of bypassed nodes may be long.
    fn link(
        &mut self,
        mut instance: usize,
        mut node: usize,
        mut port: &'v str,
        asset: Option<AssetKind>,
    ) -> Option<PlanValue> {
        loop {
            let (scope, descriptor) = (self.scope(instance), self.descriptor((instance, node)));
            if scope.bypassed.contains(&node) {
                match &bypass_source(descriptor, &scope.graph.nodes[node], port)?.value {
                    Value::Link(link) => (node, port) = self.locate(instance, link)?,
                    other => return self.value(instance, other, asset),
                }
            } else if scope.is_subgraph(node) {
                instance = self.unfold(instance, node);
                let inner = self.scope(instance).graph;
                let output = inner.outputs.iter().find(|output| output.name.value == port)?;
                (node, port) = self.locate(instance, &output.link)?;
            } else {
                let output = descriptor.outputs.iter().position(|output| output.name == port)?;
                return Some(PlanValue::Output(PlanLink { node: self.node((instance, node)), output }));
            }
        }
    }
}

/// The literals in a value as values of a type; validation has seen that they fit.
fn converted(value: PlanValue, ty: &Type) -> PlanValue {
    match value {
        PlanValue::Literal(literal) => PlanValue::Literal(arriving(&literal, ty).unwrap_or(literal)),
        PlanValue::Output(link) => PlanValue::Output(link),
        PlanValue::List(items) => {
            let element = ty.members().iter().find_map(Type::element).unwrap_or(ty);
            let items: Vec<PlanValue> = items.into_iter().map(|item| converted(item, element)).collect();
            // A list of nothing but literals is a literal, however it was put together.
            let literals = items.iter().map(|item| match item {
                PlanValue::Literal(literal) => Some(literal.clone()),
                _ => None,
            });
            match literals.collect::<Option<Vec<_>>>() {
                Some(literals) => PlanValue::Literal(Literal::List(literals)),
                None => PlanValue::List(items),
            }
        }
    }
}
