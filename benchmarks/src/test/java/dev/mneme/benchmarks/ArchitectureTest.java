package dev.mneme.benchmarks;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.conditions.ArchPredicates.are;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMembers;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds the structure of docs/architecture.md: who may depend on what, over all modules. */
class ArchitectureTest {

  private static final String MEMORY = "dev.mneme.memory..";
  private static final String ATTENTION = "dev.mneme.attention..";
  private static final String FRONT_DOOR = "dev.mneme";
  private static final String INTEGRATION = "dev.mneme.integration..";
  private static final String BENCHMARKS = "dev.mneme.benchmarks..";

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.mneme");

  @ParameterizedTest
  @ValueSource(strings = {MEMORY, ATTENTION, FRONT_DOOR, INTEGRATION, BENCHMARKS})
  void everyModuleIsSeen(String packages) {
    assertThat(CLASSES.that(JavaClass.Predicates.resideInAPackage(packages))).isNotEmpty();
  }

  @Test
  void modulesDependOneWay() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("memory")
        .definedBy(MEMORY)
        .layer("attention")
        .definedBy(ATTENTION)
        .layer("integration")
        .definedBy(FRONT_DOOR, INTEGRATION)
        .layer("benchmarks")
        .definedBy(BENCHMARKS)
        .whereLayer("memory")
        .mayNotAccessAnyLayer()
        .whereLayer("attention")
        .mayOnlyAccessLayers("memory")
        .whereLayer("integration")
        .mayOnlyAccessLayers("attention", "memory")
        .ensureAllClassesAreContainedInArchitecture()
        .check(CLASSES);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().assignedFrom(eachPackage()).should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void theVectorApiStaysInItsPackages() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.mneme.memory.simd..", "dev.mneme.attention.simd..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(CLASSES);
  }

  @Test
  void onnxRuntimeStaysBehindItsAdapters() {
    noClasses()
        .that()
        .resideOutsideOfPackages(FRONT_DOOR, INTEGRATION, BENCHMARKS, "dev.mneme.attention.onnx..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.onnxruntime..")
        .check(CLASSES);
  }

  @Test
  void searchLibrariesStayInTheIndexPackage() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.mneme.memory.index..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.apache.lucene..", "com.github.jelmerk..")
        .check(CLASSES);
  }

  @Test
  void theTemplateLibraryStaysInItsPackage() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.mneme.integration.jinja..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("com.hubspot..", "jinjava..")
        .check(CLASSES);
  }

  @Test
  void guavaIsNotInPublicSignatures() {
    noMembers()
        .that(are(describe("published", ArchitectureTest::isPublished)))
        .should(mentionTypesOf("com.google.common."))
        .check(CLASSES);
  }

  @Test
  void namesSayWhatAThingIs() {
    noClasses().should().haveNameMatching(".*(Util|Utils|Helper|Manager|Impl)").check(CLASSES);
  }

  private static boolean isPublished(JavaMember member) {
    return isPublished(member.getModifiers()) && isPublished(member.getOwner());
  }

  private static boolean isPublished(JavaClass type) {
    return isPublished(type.getModifiers())
        && type.getEnclosingClass().map(ArchitectureTest::isPublished).orElse(true);
  }

  private static boolean isPublished(Set<JavaModifier> modifiers) {
    return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
  }

  private static ArchCondition<JavaMember> mentionTypesOf(String packagePrefix) {
    return ArchCondition.from(
        describe(
            "mention types of " + packagePrefix,
            member ->
                member.getAllInvolvedRawTypes().stream()
                    .anyMatch(type -> type.getName().startsWith(packagePrefix))));
  }

  private static SliceAssignment eachPackage() {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass type) {
        return SliceIdentifier.of(type.getPackageName());
      }

      @Override
      public String getDescription() {
        return "packages";
      }
    };
  }
}
